// Kadmesh in a browser tab: see kadmesh.d.ts for what each part does. This file is
// the page's side; the node runs in kadmesh.worker.js.

import { Connections, directPossible } from "./kadmesh.direct.js";
import {
  errorOf,
  KadmeshError,
  NoAnswerError,
  NotFoundError,
  NotStoredError,
  originHint,
  RelayError,
  StoppedError,
  UnsupportedError,
  ValueError,
} from "./kadmesh.errors.js";
import { check } from "./kadmesh.options.js";
import { openPort } from "./kadmesh.port.js";
import { decode, encode, textOf } from "./kadmesh.values.js";

export {
  KadmeshError,
  NoAnswerError,
  NotFoundError,
  NotStoredError,
  RelayError,
  StoppedError,
  UnsupportedError,
  ValueError,
};

/** Those of Events that the core makes only if somebody listens. */
const traced = ["contact", "request", "lookup", "served", "record", "path"];
const all = [...traced, "relay", "stopped"];

/** How long a node may take to leave before it is ended, in milliseconds. */
const leaveFor = 5000;

export class Kadmesh {
  #port;
  #id = "";
  #direct = "relay-only";
  #connections = null; // those of direct paths
  #relay = {
    state: "connecting",
    url: "",
    address: "",
    resumed: false,
    changed: false,
    reason: "",
    relayCode: "",
    retryIn: 0,
  };
  #calls = new Map(); // by number: { resolve, reject, done }
  #last = 0;
  #listeners = new Map(all.map((event) => [event, new Set()]));
  #starting = null; // { resolve, reject, onprogress, begin, relays }
  #ended; // promise of the end
  #end;
  #over = null; // why the node has ended: an error, once it has

  /** Use Kadmesh.start. */
  constructor(port) {
    this.#port = port;
    this.#ended = new Promise((resolve) => (this.#end = resolve));
    port.listen(
      (message) => this.#hear(message),
      (error) => this.#finish("failed", error),
    );
  }

  static async start(options = {}) {
    const begin = performance.now();
    const checked = check(options);
    checked.direct = directMode(checked.direct, options.iceServers);
    options.signal?.throwIfAborted();
    const node = new Kadmesh(await openPort(options.worker));
    return node.#start(checked, options, begin);
  }

  #start(checked, { signal, onprogress, iceServers = [] }, begin) {
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#starting.reject(signal.reason);
        this.stop();
      };
      const settle = (f) => (result) => {
        signal?.removeEventListener("abort", abort);
        this.#starting = null;
        f(result);
      };
      this.#starting = {
        resolve: settle(resolve),
        reject: settle(reject),
        onprogress,
        begin,
        relays: checked.relays,
      };
      signal?.addEventListener("abort", abort);
      this.#direct = checked.direct;
      if (checked.direct === "relay-only") {
        this.#port.post({ start: checked });
      } else {
        const { port1, port2 } = new MessageChannel();
        this.#connections = new Connections(port1, iceServers, checked.direct === "lan" || iceServers.length > 0);
        this.#port.post({ start: { ...checked, public: iceServers.length > 0 }, links: port2 }, [port2]);
      }
      if (signal?.aborted) {
        abort();
      }
    });
  }

  get id() {
    return this.#id;
  }

  get address() {
    return this.#relay.state === "connected" && !this.#over ? this.#relay.address : "";
  }

  get relay() {
    return { ...this.#relay };
  }

  get direct() {
    return this.#direct;
  }

  async get(key, options) {
    const { value, type } = await this.find(key, options);
    if (type === "nil" || type === "list" || type === "map" || type === "other") {
      throw new ValueError(
        `get ${JSON.stringify(key)}: the value is a ${type}, which another program stored; find gives its encoding`,
      );
    }
    return value;
  }

  async find(key, options) {
    const [found, bytes] = await this.#call(options, "find", textOf("key", key));
    return { value: decode(found.type, bytes), ...found };
  }

  async set(key, value, options = {}) {
    const name = textOf("key", key);
    const [type, bytes] = encode(value, options.type);
    const [result] = await this.#call(options, "set", name, type, bytes);
    return result;
  }

  async lookup(key, options) {
    return (await this.#call(options, "lookup", textOf("key", key)))[0];
  }

  async ping(address, options) {
    return (await this.#call(options, "ping", textOf("address", address)))[0];
  }

  async keyOf(key) {
    return (await this.#call({}, "keyOf", textOf("key", key)))[0];
  }

  async table() {
    return (await this.#call({}, "table"))[0];
  }

  async paths() {
    return (await this.#call({}, "paths"))[0];
  }

  async records({ limit = 2 ** 31 - 1 } = {}) {
    if (!Number.isSafeInteger(limit) || limit < 0) {
      throw new ValueError(`limit: want a whole number, not ${String(limit)}`);
    }
    const [records, bytes] = await this.#call({}, "records", limit);
    let at = 0;
    return records.map(({ length, ...record }) => {
      at += length;
      return { ...record, value: decode(record.type, bytes.subarray(at - length, at)) };
    });
  }

  async stats() {
    return (await this.#call({}, "stats"))[0];
  }

  on(event, listener) {
    const set = this.#of(event);
    if (typeof listener !== "function") {
      throw new ValueError(`listener for ${event}: want a function`);
    }
    set.add(listener);
    this.#tellListeners();
    return () => this.off(event, listener);
  }

  off(event, listener) {
    this.#of(event).delete(listener);
    this.#tellListeners();
  }

  async stop() {
    this.#post("stop");
    const late = setTimeout(() => this.#finish("", ""), leaveFor);
    await this.#ended;
    clearTimeout(late);
  }

  #of(event) {
    const set = this.#listeners.get(event);
    if (!set) {
      throw new ValueError(`there is no event ${JSON.stringify(event)}: there are ${all.join(", ")}`);
    }
    return set;
  }

  #tellListeners() {
    this.#post(
      "listen",
      traced.filter((event) => this.#listeners.get(event).size),
    );
  }

  #post(what, ...details) {
    if (!this.#over) {
      this.#port.post({ do: what, with: details });
    }
  }

  /** Asks the core for something; resolves to the result and bytes that belong to it. */
  #call({ signal } = {}, ...args) {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      if (this.#over) {
        throw this.#over;
      }
      const n = ++this.#last;
      const abort = () => {
        this.#post("cancel", n);
        this.#settle(n)?.reject(signal.reason);
      };
      signal?.addEventListener("abort", abort);
      this.#calls.set(n, { resolve, reject, done: () => signal?.removeEventListener("abort", abort) });
      this.#post("call", n, ...args);
    });
  }

  /** Takes a call off the list, if it is still on it. */
  #settle(n) {
    const call = this.#calls.get(n);
    this.#calls.delete(n);
    call?.done();
    return call;
  }

  #hear({ tell, with: details }) {
    switch (tell) {
      case "step":
        this.#tell(this.#starting?.onprogress, { ...details[0], ms: performance.now() - this.#starting?.begin });
        break;
      case "ready":
        this.#id = details[0];
        this.#tellListeners();
        this.#watch();
        this.#starting?.resolve(this);
        break;
      case "relay":
        this.#relay = details[0];
        this.#emit("relay", this.relay);
        break;
      case "events":
        for (const { type, ...event } of JSON.parse(details[0])) {
          event.at -= performance.timeOrigin;
          this.#emit(type, event);
        }
        break;
      case "reply": {
        const [n, code, result, bytes] = details;
        const call = this.#settle(n);
        if (code) {
          call?.reject(errorOf(code, result, bytes));
        } else {
          call?.resolve([result, bytes]);
        }
        break;
      }
      case "ended":
        this.#finish(...details);
    }
  }

  #emit(event, detail) {
    for (const listener of [...this.#listeners.get(event)]) {
      this.#tell(listener, detail);
    }
  }

  /** Calls what the page gave. If that throws, the page hears of it, not the node. */
  #tell(listener, detail) {
    try {
      listener?.(detail);
    } catch (error) {
      setTimeout(() => {
        throw error;
      });
    }
  }

  /** A Worker does not see that the page is shown again: it may have slept. */
  #watch() {
    const wake = () => document.visibilityState === "visible" && this.#post("wake");
    globalThis.document?.addEventListener("visibilitychange", wake);
    this.#ended.then(() => globalThis.document?.removeEventListener("visibilitychange", wake));
  }

  #finish(code, message, relayCode) {
    if (this.#over) {
      return;
    }
    const hint = this.#starting && code === "relay" && !relayCode ? originHint(this.#starting.relays) : "";
    this.#over = code ? errorOf(code, message + hint, relayCode) : new StoppedError("the node has been stopped");
    this.#port.close();
    this.#connections?.close();
    this.#starting?.reject(this.#over);
    for (const n of [...this.#calls.keys()]) {
      this.#settle(n).reject(this.#over);
    }
    this.#end();
    this.#emit("stopped", { reason: message });
  }
}

/** The mode that there can be: without WebRTC, as in Node.js, all goes over the relay. */
function directMode(wanted, iceServers = []) {
  if (wanted === "relay-only") {
    return wanted;
  }
  try {
    return directPossible(iceServers) ? wanted : "relay-only";
  } catch (error) {
    throw new ValueError(`option iceServers: ${error.message}`);
  }
}
