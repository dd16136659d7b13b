// Kadmesh in a browser tab: see kadmesh.d.ts for the interface. This file is the page's
// side; the node runs in kadmesh.worker.js.

import { Connections, directPossible } from "./kadmesh.direct.js";
import {
  ConflictError,
  errorOf,
  KadmeshError,
  NoAnswerError,
  NotFoundError,
  NotStoredError,
  originHint,
  OtherNetworkError,
  RelayError,
  StoppedError,
  UnsupportedError,
  ValueError,
} from "./kadmesh.errors.js";
import { changeArguments, check, getArguments } from "./kadmesh.options.js";
import { openPort } from "./kadmesh.port.js";
import { decode, encode, textOf } from "./kadmesh.values.js";

export {
  ConflictError,
  KadmeshError,
  NoAnswerError,
  NotFoundError,
  NotStoredError,
  OtherNetworkError,
  RelayError,
  StoppedError,
  UnsupportedError,
  ValueError,
};

/** @import { ChangeOptions, DirectMode, Events, GetOptions, OperationOptions, RelayState } from "./kadmesh.js" */
/** @import { SetOptions, StartOptions, StoredRecord, Value } from "./kadmesh.js" */
/** @import { Checked } from "./kadmesh.options.js" */
/** @import { Port } from "./kadmesh.port.js" */

/**
 * An operation under way.
 *
 * @typedef {{ resolve: (answer: [any, any]) => void, reject: (reason: unknown) => void, done: () => void }} Call
 */

/**
 * The start under way.
 *
 * @typedef {{
 *   resolve: () => void,
 *   reject: (reason: unknown) => void,
 *   onprogress: StartOptions["onprogress"],
 *   begin: number,
 *   relays: string[],
 * }} Starting
 */

/**
 * The events that the core makes only while a page listens.
 *
 * @type {(keyof Events)[]}
 */
const traced = ["contact", "request", "lookup", "served", "record", "path"];
/** @type {(keyof Events)[]} */
const all = [...traced, "relay", "stopped"];

/** How long a node may take to leave, in milliseconds. Then it is ended. */
const leaveFor = 5000;

export class Kadmesh {
  #port;
  #id = "";
  /** @type {DirectMode} */
  #direct = "relay-only";
  /** @type {Connections | null} */
  #connections = null; // of direct paths
  /** @type {RelayState} */
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
  /** @type {Map<number, Call>} */
  #calls = new Map(); // by number
  #last = 0; // number of a call
  /** @type {Map<string, Set<(detail: any) => void>>} */
  #listeners = new Map(all.map((event) => [event, new Set()]));
  /** @type {Starting | null} */
  #starting = null;
  /** @type {() => void} */
  #end = () => {}; // resolves #ended
  /** @type {Promise<void>} */
  #ended = new Promise((resolve) => (this.#end = resolve));
  /** @type {KadmeshError | null} */
  #over = null; // why the node has ended, once it has

  /**
   * Use Kadmesh.start.
   *
   * @param {Port} port
   */
  constructor(port) {
    this.#port = port;
    port.listen(
      (message) => this.#hear(message),
      (reason) => this.#finish("failed", reason),
    );
  }

  /** @param {StartOptions} options */
  static async start(options = {}) {
    const begin = performance.now();
    const checked = check(options);
    const iceServers = iceServersOf(options);
    checked.direct = directMode(checked.direct, iceServers);
    options.signal?.throwIfAborted();
    const node = new Kadmesh(await openPort(options.worker));
    return node.#start(checked, options, iceServers, begin);
  }

  /**
   * @param {Checked} checked
   * @param {StartOptions} options
   * @param {RTCIceServer[]} iceServers
   * @param {number} begin as of performance.now()
   * @returns {Promise<Kadmesh>}
   */
  #start(checked, { signal, onprogress }, iceServers, begin) {
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#starting?.reject(signal?.reason);
        this.stop();
      };
      const settled = () => {
        signal?.removeEventListener("abort", abort);
        this.#starting = null;
      };
      this.#starting = {
        resolve: () => {
          settled();
          resolve(this);
        },
        reject: (reason) => {
          settled();
          reject(reason);
        },
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

  /**
   * @param {string} key
   * @param {GetOptions} [options]
   */
  async get(key, options) {
    const { value, type } = await this.find(key, options);
    if (type === "nil" || type === "list" || type === "map" || type === "other") {
      throw new ValueError(
        `get ${JSON.stringify(key)}: the value is a ${type}, which another program stored; find gives its encoding`,
      );
    }
    return value;
  }

  /**
   * @param {string} key
   * @param {GetOptions} [options]
   */
  async find(key, options) {
    const [found, bytes] = await this.#call(options, "find", textOf("key", key), ...getArguments(options));
    return { value: decode(found.type, bytes), ...found };
  }

  /**
   * @param {string} key
   * @param {Value} value
   * @param {SetOptions} options
   */
  async set(key, value, options = {}) {
    const name = textOf("key", key);
    const [type, bytes] = encode(value, options.type);
    const [result] = await this.#call(options, "set", name, type, bytes, ...changeArguments(options));
    return result;
  }

  /**
   * @param {string} key
   * @param {ChangeOptions} [options]
   */
  async delete(key, options) {
    return (await this.#call(options, "delete", textOf("key", key), ...changeArguments(options)))[0];
  }

  /**
   * @param {string} key
   * @param {OperationOptions} [options]
   */
  async lookup(key, options) {
    return (await this.#call(options, "lookup", textOf("key", key)))[0];
  }

  /**
   * @param {string} address
   * @param {OperationOptions} [options]
   */
  async ping(address, options) {
    return (await this.#call(options, "ping", textOf("address", address)))[0];
  }

  /** @param {string} key */
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
    return records.map((/** @type {StoredRecord & { length: number }} */ { length, ...record }) => {
      at += length;
      return { ...record, value: decode(record.type, bytes.subarray(at - length, at)) };
    });
  }

  async stats() {
    return (await this.#call({}, "stats"))[0];
  }

  /**
   * @param {string} event
   * @param {(detail: any) => void} listener
   */
  on(event, listener) {
    const set = this.#of(event);
    if (typeof listener !== "function") {
      throw new ValueError(`listener for ${event}: want a function`);
    }
    set.add(listener);
    this.#tellListeners();
    return () => this.off(event, listener);
  }

  /**
   * @param {string} event
   * @param {(detail: any) => void} listener
   */
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

  /** @param {string} event */
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
      traced.filter((event) => this.#of(event).size),
    );
  }

  /**
   * @param {string} what
   * @param {unknown[]} details
   */
  #post(what, ...details) {
    if (!this.#over) {
      this.#port.post({ do: what, with: details });
    }
  }

  /**
   * Asks the core. Resolves to the result and its bytes.
   *
   * @param {OperationOptions} [options]
   * @param {unknown[]} args the operation and its arguments
   * @returns {Promise<[any, any]>}
   */
  #call({ signal } = {}, ...args) {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      if (this.#over) {
        throw this.#over;
      }
      const n = ++this.#last;
      const abort = () => {
        this.#post("cancel", n);
        this.#settle(n)?.reject(signal?.reason);
      };
      signal?.addEventListener("abort", abort);
      this.#calls.set(n, { resolve, reject, done: () => signal?.removeEventListener("abort", abort) });
      this.#post("call", n, ...args);
    });
  }

  /**
   * Takes a call off the list. Returns it, if it was on the list.
   *
   * @param {number} n
   */
  #settle(n) {
    const call = this.#calls.get(n);
    this.#calls.delete(n);
    call?.done();
    return call;
  }

  /** @param {{ tell: string, with: any[] }} message */
  #hear({ tell, with: details }) {
    switch (tell) {
      case "step":
        this.#tell(this.#starting?.onprogress, {
          ...details[0],
          ms: performance.now() - (this.#starting?.begin ?? 0),
        });
        break;
      case "ready":
        this.#id = details[0];
        this.#tellListeners();
        this.#watch();
        this.#starting?.resolve();
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
        this.#finish(details[0], details[1], details[2]);
    }
  }

  /**
   * @param {string} event
   * @param {unknown} detail
   */
  #emit(event, detail) {
    for (const listener of [...this.#of(event)]) {
      this.#tell(listener, detail);
    }
  }

  /**
   * Calls a function of the page. An error in it is the page's and not the node's.
   *
   * @param {((detail: any) => void) | undefined} listener
   * @param {unknown} detail
   */
  #tell(listener, detail) {
    try {
      listener?.(detail);
    } catch (error) {
      setTimeout(() => {
        throw error;
      });
    }
  }

  /** Wakes the node when the page is shown again: a Worker may have slept and does not see it. */
  #watch() {
    const wake = () => {
      if (document.visibilityState === "visible") {
        this.#post("wake");
      }
    };
    globalThis.document?.addEventListener("visibilitychange", wake);
    this.#ended.then(() => globalThis.document?.removeEventListener("visibilitychange", wake));
  }

  /**
   * Ends the node, once.
   *
   * @param {string} code of the error; "" if the page has stopped the node
   * @param {string} message
   * @param {RelayState["relayCode"]} [relayCode]
   */
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
      this.#settle(n)?.reject(this.#over);
    }
    this.#end();
    this.#emit("stopped", { reason: message });
  }
}

/**
 * The servers as the browser takes them.
 *
 * @param {StartOptions} options
 */
function iceServersOf({ iceServers = [] }) {
  return /** @type {RTCIceServer[]} */ ([...iceServers]);
}

/**
 * The mode in force. Without WebRTC, as in Node.js, it is "relay-only".
 *
 * @param {DirectMode} wanted
 * @param {RTCIceServer[]} iceServers
 * @returns {DirectMode}
 */
function directMode(wanted, iceServers) {
  if (wanted === "relay-only") {
    return wanted;
  }
  try {
    return directPossible(iceServers) ? wanted : "relay-only";
  } catch (error) {
    throw new ValueError(`option iceServers: ${/** @type {Error} */ (error).message}`);
  }
}
