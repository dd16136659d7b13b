// Share links: the page's own address with a key behind the hash. Browsers do not send
// the hash to the server.

/** The longest key that is taken from a link, in characters. */
const maxKey = 1000;

/**
 * The link that opens the page and gets a key.
 *
 * @param {string} page
 * @param {string} key
 */
export function shareLink(page, key) {
  const url = new URL(page);
  url.search = "";
  url.hash = `key=${encodeURIComponent(key)}`;
  return url.href;
}

/**
 * The key of a link; null if it has none.
 *
 * @param {string} hash
 */
export function keyOfLink(hash) {
  const key = decoded(/^#(?:token=[^&]*&)?key=(.*)$/s.exec(hash)?.[1]);
  return key && key.length <= maxKey ? key : null;
}

/**
 * The token in a link; "" if it has none. Operators of a relay may hand out such links.
 *
 * @param {string} hash
 */
export function tokenOfLink(hash) {
  return decoded(/^#token=([^&]*)(?:&|$)/.exec(hash)?.[1]) ?? "";
}

function decoded(text = "") {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

const joinedItem = "kadmesh-joined";
const tokenItem = "kadmesh-token";

/** Whether this browser has joined before: a share link then joins at once. */
export function joinedBefore() {
  try {
    return localStorage.getItem(joinedItem) !== null;
  } catch {
    return false;
  }
}

/** The token with which this browser has joined; "" if it needed none. */
export function tokenBefore() {
  try {
    return localStorage.getItem(tokenItem) ?? "";
  } catch {
    return "";
  }
}

/**
 * Remembers that this browser has joined, and its token. After leaving, both are forgotten.
 *
 * @param {boolean} joined
 */
export function rememberJoined(joined, token = "") {
  try {
    localStorage.removeItem(tokenItem);
    if (!joined) {
      localStorage.removeItem(joinedItem);
      return;
    }
    localStorage.setItem(joinedItem, "1");
    if (token) {
      localStorage.setItem(tokenItem, token);
    }
  } catch {
    // Without storage every link asks.
  }
}
