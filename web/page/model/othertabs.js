// Other tabs of this browser that run a node too, on the same origin.

/** How often those who may have gone are asked whether they are there, and how long they have. */
const askEvery = 30_000;
const graceFor = 2000;
/** How many are remembered. */
const maxOthers = 64;

/**
 * Tells other tabs of this node, and ontabs of theirs. Returns { join, leave }.
 */
export function otherTabs(ontabs, channel = openChannel()) {
  let self = "";
  let others = new Set();
  let heard = new Set();
  let timer = 0;

  const told = () => ontabs([...others].sort());
  const say = (kind) => channel?.postMessage({ kind, id: self });

  function ask() {
    heard = new Set();
    say("ask");
    setTimeout(() => {
      if ([...others].some((id) => !heard.has(id))) {
        others = heard;
        told();
      }
    }, graceFor);
  }

  channel?.addEventListener("message", ({ data }) => {
    const { kind, id } = data ?? {};
    if (!self || typeof id !== "string" || id === self) {
      return;
    }
    if (kind === "gone") {
      heard.delete(id);
      if (others.delete(id)) {
        told();
      }
      return;
    }
    if (heard.size < maxOthers) {
      heard.add(id);
    }
    if (!others.has(id) && others.size < maxOthers) {
      others.add(id);
      told();
    }
    if (kind === "ask") {
      say("here");
    }
  });
  globalThis.addEventListener?.("pagehide", () => self && say("gone"));

  return {
    join(id) {
      self = id;
      ask();
      timer = setInterval(() => document.hidden || ask(), askEvery);
    },
    leave() {
      say("gone");
      self = "";
      others.clear();
      clearInterval(timer);
      told();
    },
  };
}

function openChannel() {
  return typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("kadmesh-page");
}
