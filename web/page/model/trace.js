// What is known of lookups: which peers were asked when, and what came of it.

import { byDistance, log2Distance, shortID } from "./ids.js";
import { count, millis, plural } from "../text/format.js";

/** How many lookups are remembered, of each kind; and requests of one. */
const maxLookups = 12;
const maxRequests = 400;

const upkeep = new Set(["refresh", "republish"]);

/** One lookup: a list of requests, in the order they were sent. */
export class Trace {
  constructor({ lookup, purpose, target, at }) {
    this.lookup = lookup;
    this.purpose = purpose;
    this.target = target;
    this.at = at;
    this.upkeep = upkeep.has(purpose);
    this.requests = [];
    this.byRequest = new Map();
    /** The lookup's "done", once it is. */
    this.done = null;
    /** Who had the value, once that is told. */
    this.holder = null;
    /** When something was last heard of it. */
    this.last = at;
  }

  /** Takes in one of the lookup's requests, or what becomes of it. */
  request(event) {
    this.last = Math.max(this.last, event.at);
    let r = this.byRequest.get(event.request);
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
      this.byRequest.set(event.request, r);
    }
    this.#advance(r, event);
  }

  #advance(r, { stage, at, rtt }) {
    switch (stage) {
      case "late":
        r.late ??= at;
        break;
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

  /** Milliseconds from the start to its end, or to now. */
  duration(now) {
    return (this.done ? this.done.at : now) - this.at;
  }

  /** How much time a picture of it has to show: until the last value was stored, too. */
  extent(now) {
    return this.stored().reduce((t, r) => Math.max(t, r.end - this.at), this.duration(now));
  }

  /** Requests that look for somebody, as against those that store. */
  asking() {
    return this.requests.filter((r) => r.method !== "store");
  }

  /** The nodes that acknowledged the value. */
  stored() {
    return this.requests.filter((r) => r.method === "store" && r.stage === "replied");
  }

  /**
   * The request that brought the value: to its holder, if that is known; else the last one
   * that was answered before the end, since a value ends a lookup.
   */
  winner() {
    if (!this.done?.found) {
      return null;
    }
    const id = this.holder?.id;
    let last = null;
    for (const r of this.requests) {
      if (r.stage !== "replied" || r.end > this.done.at) {
        continue;
      }
      if (r.to.id === id) {
        return r;
      }
      if (!last || r.end >= last.end) {
        last = r;
      }
    }
    return id ? null : last;
  }

  /** The n nearest peers that have answered, nearest first. */
  nearest(n) {
    const order = byDistance(this.target);
    const answered = this.asking().filter((r) => r.stage === "replied");
    return answered.sort((a, b) => order(a.to.id, b.to.id)).slice(0, n);
  }

  /**
   * The way down: how near the nearest answer was, over time, as points [ms since
   * the start, log2 of the distance]. It begins at the first answer.
   */
  staircase() {
    const answered = this.asking().filter((r) => r.stage === "replied");
    answered.sort((a, b) => a.end - b.end);
    const points = [];
    let best = Infinity;
    for (const r of answered) {
      if (r.distance < best) {
        best = r.distance;
        points.push([r.end - this.at, best]);
      }
    }
    return points;
  }
}

/** The lookups of a node, the last few of them. */
export class Traces {
  own = [];
  upkeep = [];
  #byLookup = new Map();

  /** Takes in an event "lookup"; returns its trace. */
  lookup(event) {
    let trace = this.#byLookup.get(event.lookup);
    if (!trace) {
      trace = new Trace(event);
      this.#byLookup.set(event.lookup, trace);
      const list = trace.upkeep ? this.upkeep : this.own;
      list.push(trace);
      if (list.length > maxLookups) {
        this.#byLookup.delete(list.shift().lookup);
      }
    }
    if (event.stage === "done") {
      trace.done = event;
      trace.last = Math.max(trace.last, event.at);
    }
    return trace;
  }

  /** Takes in an event "request"; returns its trace, if it belongs to one that is known. */
  request(event) {
    const trace = this.#byLookup.get(event.lookup);
    trace?.request(event);
    return trace;
  }

  /** Takes in an event "found": the last get of the key has its value from the holder. */
  found({ key, holder }) {
    return this.#tell("get", key, { holder });
  }

  /** Takes in an event "kept": the last set of the key has been acknowledged by so many. */
  kept({ key, nodes }) {
    return this.#tell("set", key, { holders: nodes });
  }

  #tell(purpose, key, news) {
    const trace = this.own.findLast((t) => t.purpose === purpose && t.target === key);
    return trace && Object.assign(trace, news);
  }

  /** All that are remembered, oldest first. */
  list(withUpkeep) {
    if (!withUpkeep) {
      return this.own;
    }
    return [...this.own, ...this.upkeep].sort((a, b) => a.at - b.at);
  }
}

const names = {
  get: "Get",
  set: "Set",
  lookup: "Look up",
  join: "Join",
  refresh: "Refresh",
  republish: "Republish",
};

/** What a lookup is for: "Get “greeting”", "Refresh 4f2a90c1". */
export function title(trace, name) {
  const of = name === undefined ? shortID(trace.target) : `“${name}”`;
  return trace.purpose === "join" ? "Join" : `${names[trace.purpose] ?? trace.purpose} ${of}`;
}

/** What has come of a lookup, in words. */
export function caption(trace, now) {
  const took = millis(Math.max(0, trace.duration(now)));
  const { done } = trace;
  if (!done) {
    const answered = trace.requests.filter((r) => r.stage === "replied").length;
    return `asking: ${answered} of ${plural(trace.requests.length, "request")} answered, ${took}`;
  }
  const way = `${plural(done.hops, "hop")}, ${plural(done.requests, "request")}, ${took}`;
  if (trace.purpose === "get") {
    return captionOfGet(trace, way);
  }
  if (trace.purpose === "set" || trace.purpose === "republish") {
    const holders = trace.holders ?? trace.stored().length;
    return holders ? `stored in ${way}, at ${plural(holders, "holder")}` : `holders found in ${way}`;
  }
  const near = trace.nearest(20).length;
  return near ? `nearest ${count(near)} found in ${way}` : `nobody answered: ${way}`;
}

function captionOfGet(trace, way) {
  const { done } = trace;
  if (!done.found) {
    return `not found: ${way}`;
  }
  if (done.requests === 0) {
    return "found here: this node keeps it";
  }
  const winner = trace.winner();
  return `found in ${way}${winner ? `, at ${shortID(winner.to.id)}` : ""}`;
}
