// From a node of the module to a stream of events. The module's events flow by
// themselves. The table, the records and the counters are asked for, no more often
// than a person looks.

/** @import { Kadmesh } from "../../kadmesh/kadmesh.js" */
/** @import { Stream } from "./stream.js" */

/** Shortest times between two questions about the same, in milliseconds. */
const tableEvery = 300;
const recordsEvery = 1000;
const statsEvery = 1000;
/** The table and the records are asked for that often even if no event tells of a change. */
const allEvery = 5000;
/** A hidden page asks for counters only, and that rarely. */
const hiddenEvery = 15_000;

/** The most records asked for: nobody reads a longer list. */
const maxRecords = 100;

/**
 * Lets a node's events flow into a stream. Returns a function that ends that.
 *
 * @param {Kadmesh} node
 * @param {Stream} stream
 */
export function connect(node, stream) {
  const now = () => performance.now();
  const table = new Poll(tableEvery, async () => {
    stream.emit("table", { entries: await node.table(), at: now() });
  });
  const records = new Poll(recordsEvery, async () => {
    stream.emit("records", { records: await node.records({ limit: maxRecords }), at: now() });
  });
  const stats = new Poll(statsEvery, async () => {
    stream.emit("stats", { stats: await node.stats(), at: now() });
  });
  const paths = new Poll(tableEvery, async () => {
    if (node.direct !== "relay-only") {
      stream.emit("paths", { peers: await node.paths() });
    }
  });
  const offs = [
    ...forward(node, stream),
    node.on("contact", () => table.want()),
    node.on("record", () => records.want()),
    node.on("path", () => table.want()),
    node.on("path", () => paths.want()),
  ];
  stream.emit("relay", node.relay);
  const endTimers = askByTime({ table, records, stats, paths });
  return () => {
    offs.forEach((off) => off());
    endTimers();
    [table, records, stats, paths].forEach((poll) => poll.end());
  };
}

/**
 * Hands the module's events on as they are.
 *
 * @param {Kadmesh} node
 * @param {Stream} stream
 */
function forward(node, stream) {
  return [
    node.on("relay", (event) => stream.emit("relay", event)),
    node.on("contact", (event) => stream.emit("contact", event)),
    node.on("request", (event) => stream.emit("request", event)),
    node.on("lookup", (event) => stream.emit("lookup", event)),
    node.on("served", (event) => stream.emit("served", event)),
    node.on("record", (event) => stream.emit("record", event)),
    node.on("path", (event) => stream.emit("path", event)),
    node.on("stopped", (event) => stream.emit("stopped", event)),
  ];
}

/**
 * Asks now, by the clock, and whenever the page is shown again. Returns a function
 * that ends that.
 *
 * @param {Record<"table" | "records" | "stats" | "paths", Poll>} polls
 */
function askByTime({ table, records, stats, paths }) {
  const askAll = () => {
    if (!document.hidden) {
      table.want();
      records.want();
    }
  };
  const show = () => {
    askAll();
    if (!document.hidden) {
      stats.want();
      paths.want();
    }
  };
  let lastHidden = 0;
  const tick = setInterval(() => {
    if (!document.hidden) {
      stats.want();
      paths.want();
    } else if (performance.now() - lastHidden > hiddenEvery) {
      lastHidden = performance.now();
      stats.want();
    }
  }, statsEvery);
  const slow = setInterval(askAll, allEvery);
  document.addEventListener("visibilitychange", show);
  show();
  return () => {
    clearInterval(tick);
    clearInterval(slow);
    document.removeEventListener("visibilitychange", show);
  };
}

/**
 * Asks once for any number of wishes within a time, and never while the last question
 * is under way. A hidden page, where things change all the time, asks less often.
 */
class Poll {
  #every;
  #ask;
  #timer = 0;
  #busy = false;
  #wanted = false;
  #ended = false;
  #last = -Infinity;

  /**
   * @param {number} every in milliseconds
   * @param {() => Promise<void>} ask
   */
  constructor(every, ask) {
    this.#every = every;
    this.#ask = ask;
  }

  /** Has the question asked soon. */
  want() {
    this.#wanted = true;
    if (this.#busy || this.#timer || this.#ended) {
      return;
    }
    const wait = document.hidden ? Math.max(this.#every, allEvery) : this.#every;
    this.#timer = setTimeout(() => this.#run(), Math.max(0, this.#last + wait - performance.now()));
  }

  end() {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  async #run() {
    this.#timer = 0;
    this.#wanted = false;
    this.#busy = true;
    this.#last = performance.now();
    try {
      await this.#ask();
    } catch {
      // The node has stopped: the event "stopped" says so.
    }
    this.#busy = false;
    if (this.#wanted) {
      this.want();
    }
  }
}
