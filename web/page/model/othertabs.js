// Other tabs of this browser, on the same origin, that run a node too.

/** How often other tabs are asked whether they are still there, in milliseconds. */
const askEvery = 30_000;
/** How long a tab has to answer, in milliseconds. */
const graceFor = 2000;
/** How many tabs are remembered. */
const maxOthers = 64;

/** Tells other tabs of this tab's node, and hears of theirs. */
export class OtherTabs {
  #onchange;
  #channel;
  #self = ""; // the id of this tab's node
  /** @type {Set<string>} */
  #others = new Set();
  /** @type {Set<string>} */
  #heard = new Set(); // since the last question
  #timer = 0;

  /**
   * @param {(others: string[]) => void} onchange gets the ids of the other nodes, sorted
   * @param {BroadcastChannel | null} channel
   */
  constructor(onchange, channel = openChannel()) {
    this.#onchange = onchange;
    this.#channel = channel;
    channel?.addEventListener("message", ({ data }) => this.#hear(data ?? {}));
    globalThis.addEventListener?.("pagehide", () => {
      if (this.#self) {
        this.#say("gone");
      }
    });
  }

  /**
   * This tab has a node from now on.
   *
   * @param {string} id
   */
  join(id) {
    this.#self = id;
    this.#ask();
    this.#timer = setInterval(() => {
      if (!document.hidden) {
        this.#ask();
      }
    }, askEvery);
  }

  /** This tab has no node any more. */
  leave() {
    this.#say("gone");
    this.#self = "";
    this.#others.clear();
    clearInterval(this.#timer);
    this.#changed();
  }

  #changed() {
    this.#onchange([...this.#others].sort());
  }

  /** @param {"ask" | "here" | "gone"} kind */
  #say(kind) {
    this.#channel?.postMessage({ kind, id: this.#self });
  }

  #ask() {
    this.#heard = new Set();
    this.#say("ask");
    setTimeout(() => {
      if ([...this.#others].some((id) => !this.#heard.has(id))) {
        this.#others = this.#heard;
        this.#changed();
      }
    }, graceFor);
  }

  /** @param {{ kind?: unknown, id?: unknown }} message */
  #hear({ kind, id }) {
    if (!this.#self || typeof id !== "string" || id === this.#self) {
      return;
    }
    if (kind === "gone") {
      this.#heard.delete(id);
      if (this.#others.delete(id)) {
        this.#changed();
      }
      return;
    }
    if (this.#heard.size < maxOthers) {
      this.#heard.add(id);
    }
    if (!this.#others.has(id) && this.#others.size < maxOthers) {
      this.#others.add(id);
      this.#changed();
    }
    if (kind === "ask") {
      this.#say("here");
    }
  }
}

function openChannel() {
  return typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("kadmesh-page");
}
