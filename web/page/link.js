// Share links: the page's own address with a key behind the hash, which the browser
// sends to nobody.

/** The longest key that is taken from a link, in characters. */
const maxKey = 1000;

/** The link that opens the page and gets a key. */
export function shareLink(page, key) {
  const url = new URL(page);
  url.search = "";
  url.hash = `key=${encodeURIComponent(key)}`;
  return url.href;
}

/** The key of a link; null if it has none. */
export function keyOfLink(hash) {
  if (!hash.startsWith("#key=")) {
    return null;
  }
  try {
    const key = decodeURIComponent(hash.slice("#key=".length));
    return key && key.length <= maxKey ? key : null;
  } catch {
    return null;
  }
}

const joinedItem = "kadmesh-joined";

/** Whether this browser has joined before: then a share link does so at once. */
export function joinedBefore() {
  try {
    return localStorage.getItem(joinedItem) !== null;
  } catch {
    return false;
  }
}

/** Remembers that this browser has joined; or, after leaving, no longer does. */
export function rememberJoined(joined) {
  try {
    if (joined) {
      localStorage.setItem(joinedItem, "1");
    } else {
      localStorage.removeItem(joinedItem);
    }
  } catch {
    // Without storage every link asks.
  }
}
