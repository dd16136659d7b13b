// The history of lookups: their requests, the times, and the outcome.

import { byDistance, log2Distance, shortID } from "./ids.js";
import { count, millis, plural } from "../text/format.js";

/** @import { Contact, Events } from "../../kadmesh/kadmesh.js" */

/**
 * A request of a lookup. Times are as of performance.now(); null until it comes to that.
 *
 * @typedef {{ request: number, method: string, to: Contact & { path?: string }, sent: number,
 *   stage: Events["request"]["stage"], distance: number, late: number | null,
 *   end: number | null, rtt: number | null }} Request
 */

/** How many lookups of each kind are remembered, and how many requests of a lookup. */
const maxLookups = 12;
const maxRequests = 400;

/** The purposes of lookups by which a node maintains itself. */
const maintenance = new Set(["refresh", "republish"]);

/** One lookup: a list of requests, in the order they were sent. */
export class Trace {
  /** @type {Request[]} */
  requests = [];
  /** @type {Map<number, Request>} */
  #byRequest = new Map();
  /**
   * The event of the lookup's end, once it is there.
   *
   * @type {{ at: number, found: boolean, hops: number, requests: number } | null}
   */
  done = null;
  /**
   * The node that had the value, once a get has told it.
   *
   * @type {Contact | null}
   */
  holder = null;
  /**
   * How many nodes acknowledged the value, once a set has told it.
   *
   * @type {number | null}
   */
  holders = null;

  /** @param {{ lookup: number, purpose: string, target: string, at: number }} event */
  constructor({ lookup, purpose, target, at }) {
    this.lookup = lookup;
    this.purpose = purpose;
    this.target = target;
    this.at = at;
    this.isMaintenance = maintenance.has(purpose);
  }

  /**
   * Takes in a request of the lookup, or a later stage of it.
   *
   * @param {Events["request"]} event
   */
  request(event) {
    let r = this.#byRequest.get(event.request);
    if (!r) {
      if (this.requests.length === maxRequests) {
        return;
      }
      r = {
        request: event.request,
        method: event.method,
        to: event.to,
        sent: event.at,
        stage: "sent",
        distance: log2Distance(event.to.id, this.target),
        late: null,
        end: null,
        rtt: null,
      };
      this.requests.push(r);
      this.#byRequest.set(event.request, r);
    }
    this.#advance(r, event);
  }

  /**
   * @param {Request} r
   * @param {Events["request"]} event
   */
  #advance(r, { stage, at, rtt }) {
    switch (stage) {
      case "late":
      case "overdue":
        r.late ??= at;
        break;
      case "replied":
        r.end = at;
        r.rtt = rtt;
        break;
      case "lost":
        r.end = at;
        break;
    }
    r.stage = stage;
  }

  /**
   * Milliseconds from the start to the end, or to now.
   *
   * @param {number} now
   */
  duration(now) {
    return (this.done ? this.done.at : now) - this.at;
  }

  /**
   * Milliseconds from the start until the last value was stored, or to the end.
   *
   * @param {number} now
   */
  extent(now) {
    return this.stored().reduce((t, r) => Math.max(t, (r.end ?? 0) - this.at), this.duration(now));
  }

  /** The requests that look for nodes: all but the requests that store. */
  asking() {
    return this.requests.filter((r) => r.method !== "store");
  }

  /** The nodes that acknowledged the value. */
  stored() {
    return this.requests.filter((r) => r.method === "store" && r.stage === "replied");
  }

  /**
   * The request that brought the value; null if none is known to have done so. A known
   * holder decides. Otherwise it is the last request that was answered before the end,
   * since a value ends a lookup.
   */
  winner() {
    if (!this.done?.found) {
      return null;
    }
    const id = this.holder?.id;
    let last = null;
    for (const r of this.requests) {
      if (r.stage !== "replied" || (r.end ?? 0) > this.done.at) {
        continue;
      }
      if (r.to.id === id) {
        return r;
      }
      if (!last || (r.end ?? 0) >= (last.end ?? 0)) {
        last = r;
      }
    }
    return id ? null : last;
  }

  /**
   * The requests to the n nearest peers that have answered, nearest first.
   *
   * @param {number} n
   */
  nearest(n) {
    const order = byDistance(this.target);
    const answered = this.asking().filter((r) => r.stage === "replied");
    return answered.sort((a, b) => order(a.to.id, b.to.id)).slice(0, n);
  }

  /**
   * The distance of the nearest answer over time, as points [ms since the start, log2 of
   * the distance]. It begins at the first answer.
   */
  staircase() {
    const answered = this.asking().filter((r) => r.stage === "replied");
    answered.sort((a, b) => (a.end ?? 0) - (b.end ?? 0));
    /** @type {[number, number][]} */
    const points = [];
    let best = Infinity;
    for (const r of answered) {
      if (r.distance < best) {
        best = r.distance;
        points.push([(r.end ?? 0) - this.at, best]);
      }
    }
    return points;
  }
}

/** The last few lookups of a node. */
export class Traces {
  /** @type {Trace[]} */
  #own = [];
  /** @type {Trace[]} */
  #maintenance = [];
  /** @type {Map<number, Trace>} */
  #byLookup = new Map();

  /**
   * Takes in an event "lookup". Returns its trace.
   *
   * @param {Events["lookup"]} event
   */
  lookup(event) {
    let trace = this.#byLookup.get(event.lookup);
    if (!trace) {
      trace = new Trace(event);
      this.#byLookup.set(event.lookup, trace);
      const list = trace.isMaintenance ? this.#maintenance : this.#own;
      list.push(trace);
      if (list.length > maxLookups) {
        const [oldest] = list.splice(0, 1);
        this.#byLookup.delete(oldest.lookup);
      }
    }
    if (event.stage === "done") {
      trace.done = event;
    }
    return trace;
  }

  /**
   * Takes in an event "request". Returns its trace; undefined if it belongs to none.
   *
   * @param {Events["request"]} event
   */
  request(event) {
    const trace = this.#byLookup.get(event.lookup);
    trace?.request(event);
    return trace;
  }

  /**
   * Takes in an event "found": the last get of the key has its value from the holder.
   * Returns its trace, if there is one.
   *
   * @param {{ key: string, holder: Contact | null }} event
   */
  found({ key, holder }) {
    const trace = this.#last("get", key);
    if (trace) {
      trace.holder = holder;
    }
    return trace;
  }

  /**
   * Takes in an event "kept": the last set of the key has been acknowledged by so many
   * nodes. Returns its trace, if there is one.
   *
   * @param {{ key: string, nodes: number }} event
   */
  kept({ key, nodes }) {
    const trace = this.#last("set", key);
    if (trace) {
      trace.holders = nodes;
    }
    return trace;
  }

  /** @type {(purpose: string, key: string) => Trace | undefined} */
  #last(purpose, key) {
    return this.#own.findLast((t) => t.purpose === purpose && t.target === key);
  }

  /**
   * The remembered lookups, oldest first.
   *
   * @param {boolean} withUpkeep
   */
  list(withUpkeep) {
    if (!withUpkeep) {
      return this.#own;
    }
    return [...this.#own, ...this.#maintenance].sort((a, b) => a.at - b.at);
  }
}

/** @type {Record<string, string>} */
const names = {
  get: "Get",
  set: "Set",
  lookup: "Look up",
  join: "Join",
  refresh: "Refresh",
  republish: "Republish",
};

/**
 * The purpose of a lookup in words: "Get “greeting”", "Refresh 4f2a90c1".
 *
 * @param {Trace} trace
 * @param {string | undefined} name the text of the key, if it is known
 */
export function title(trace, name) {
  const of = name === undefined ? shortID(trace.target) : `“${name}”`;
  return trace.purpose === "join" ? "Join" : `${names[trace.purpose] ?? trace.purpose} ${of}`;
}

/**
 * The outcome of a lookup in words.
 *
 * @param {Trace} trace
 * @param {number} now
 */
export function caption(trace, now) {
  const took = millis(Math.max(0, trace.duration(now)));
  const { done } = trace;
  if (!done) {
    const answered = trace.requests.filter((r) => r.stage === "replied").length;
    return `asking: ${answered} of ${plural(trace.requests.length, "request")} answered, ${took}`;
  }
  const way = `${plural(done.hops, "hop")}, ${plural(done.requests, "request")}, ${took}`;
  if (trace.purpose === "get") {
    return done.found ? captionOfGet(trace, way) : `not found: ${way}`;
  }
  if (trace.purpose === "set" || trace.purpose === "republish") {
    const holders = trace.holders ?? trace.stored().length;
    return holders ? `stored in ${way}, at ${plural(holders, "holder")}` : `holders found in ${way}`;
  }
  const near = trace.nearest(20).length;
  return near ? `nearest ${count(near)} found in ${way}` : `nobody answered: ${way}`;
}

/** @type {(trace: Trace, way: string) => string} */
function captionOfGet(trace, way) {
  if (trace.done?.requests === 0) {
    return "found here: this node keeps it";
  }
  const winner = trace.winner();
  return `found in ${way}${winner ? `, at ${shortID(winner.to.id)}` : ""}`;
}
