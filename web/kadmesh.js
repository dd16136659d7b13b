// Kadmesh in a browser tab: see kadmesh.d.ts for what each part does. This file is
// the page's side; the node runs in kadmesh.worker.js.

import { decode, encode, textOf } from "./kadmesh.values.js";
import { errorOf, KadmeshError, NoAnswerError, NotFoundError, NotStoredError, RelayError, StoppedError, UnsupportedError, ValueError } from "./kadmesh.errors.js";

export { KadmeshError, NoAnswerError, NotFoundError, NotStoredError, RelayError, StoppedError, UnsupportedError, ValueError };

/** Those of Events that the core makes only if somebody listens. */
const traced = ["contact", "request", "lookup", "served", "record"];
const all = [...traced, "relay", "stopped"];

export class Kadmesh {
  #port;
  #id = "";
  #relay = { state: "connecting", url: "", address: "", resumed: false, changed: false, reason: "", retryIn: 0 };
  #calls = new Map(); // by number: { resolve, reject }
  #last = 0;
  #listeners = new Map(all.map((event) => [event, new Set()]));
  #starting = null; // { resolve, reject, onprogress, begin }
  #ended; // promise of the end
  #end;
  #over = false;

  /** Use Kadmesh.start. */
  constructor(port) {
    this.#port = port;
    this.#ended = new Promise((resolve) => (this.#end = resolve));
    port.listen((message) => this.#hear(message), (error) => this.#finish("failed", error));
  }

  static async start(options = {}) {
    const begin = performance.now();
    const checked = check(options);
    options.signal?.throwIfAborted();
    const node = new Kadmesh(await openPort(options.worker ?? "Worker" in globalThis));
    return node.#start(checked, options, begin);
  }

  #start(checked, { signal, onprogress }, begin) {
    return new Promise((resolve, reject) => {
      const abort = () => {
        reject(signal.reason);
        this.stop();
      };
      const settle = (f) => (result) => {
        signal?.removeEventListener("abort", abort);
        this.#starting = null;
        f(result);
      };
      this.#starting = { resolve: settle(resolve), reject: settle(reject), onprogress, begin };
      signal?.addEventListener("abort", abort);
      this.#port.post({ start: checked });
    });
  }

  get id() {
    return this.#id;
  }

  get address() {
    return this.#relay.state === "connected" ? this.#relay.address : "";
  }

  get relay() {
    return { ...this.#relay };
  }

  async get(key, options) {
    const { value, type } = await this.find(key, options);
    if (type === "nil" || type === "list" || type === "map" || type === "other") {
      throw new ValueError(`get ${JSON.stringify(key)}: the value is a ${type}, which another program stored; find gives its encoding`);
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

  async records({ limit = 2 ** 31 - 1 } = {}) {
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
    this.#of(event).add(listener);
    this.#tellListeners();
    return () => this.off(event, listener);
  }

  off(event, listener) {
    this.#of(event).delete(listener);
    this.#tellListeners();
  }

  async stop() {
    this.#port.post({ do: "stop" });
    await this.#ended;
  }

  #of(event) {
    const set = this.#listeners.get(event);
    if (!set) {
      throw new ValueError(`there is no event ${JSON.stringify(event)}: there are ${all.join(", ")}`);
    }
    return set;
  }

  #tellListeners() {
    this.#post("listen", traced.filter((event) => this.#listeners.get(event).size));
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
        throw new StoppedError("the node has been stopped");
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
        this.#starting?.onprogress?.({ ...details[0], ms: performance.now() - this.#starting.begin });
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
          call?.reject(errorOf(code, result));
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
      try {
        listener(detail);
      } catch (error) {
        reportError(error);
      }
    }
  }

  /** A Worker does not see that the page is shown again: it may have slept. */
  #watch() {
    const wake = () => document.visibilityState === "visible" && this.#post("wake");
    globalThis.document?.addEventListener("visibilitychange", wake);
    this.#ended.then(() => globalThis.document?.removeEventListener("visibilitychange", wake));
  }

  #finish(code, message) {
    if (this.#over) {
      return;
    }
    this.#over = true;
    this.#port.close();
    const error = errorOf(code || "stopped", message || "the node has been stopped");
    this.#starting?.reject(error);
    for (const n of [...this.#calls.keys()]) {
      this.#settle(n).reject(code ? error : new StoppedError("the node has been stopped"));
    }
    this.#end();
    this.#emit("stopped", { reason: message });
  }
}

/** What the core is told of the options, if they make sense. */
function check(o) {
  if (!globalThis.WebAssembly || !globalThis.WebSocket) {
    const lacking = globalThis.WebAssembly ? "WebSocket; Node.js has one from version 22 on" : "WebAssembly";
    throw new UnsupportedError(`this browser has no ${lacking}`);
  }
  const count = (name, fallback) => {
    const n = o[name] ?? fallback;
    if (!Number.isSafeInteger(n) || n < 1) {
      throw new ValueError(`option ${name}: want a whole number from 1 up, not ${n}`);
    }
    return n;
  };
  return {
    relays: relays(o.relay),
    bootstrap: (o.bootstrap ?? []).map(address),
    token: o.token ?? "",
    storage: (o.storage ?? "kadmesh") || "",
    storeBytes: count("storeBytes", 16 * 2 ** 20),
    k: count("k", 20),
    alpha: count("alpha", 3),
    wasm: new URL(o.wasm ?? new URL("./kadmesh.wasm", import.meta.url), globalThis.location?.href).href,
  };
}

/** The relays' URLs. By default, there is one where this module comes from. */
function relays(option) {
  if (option === undefined) {
    if (!/^https?:/.test(import.meta.url)) {
      throw new ValueError("option relay: want the URL of a relay, as wss://relay.example.org");
    }
    return [new URL("/relay", import.meta.url).href];
  }
  const list = Array.isArray(option) ? option : [option];
  if (!list.length) {
    throw new ValueError("option relay: the list is empty");
  }
  return list.map((relay) => {
    let url;
    try {
      url = new URL(relay, globalThis.location?.href);
    } catch {
      throw new ValueError(`option relay: ${JSON.stringify(String(relay))} is no URL, as wss://relay.example.org`);
    }
    if (!/^(wss?|https?):$/.test(url.protocol)) {
      throw new ValueError(`option relay: ${url} must start with wss:, ws:, https: or http:`);
    }
    return url.href;
  });
}

function address(text) {
  if (!/^(\d{1,3}(\.\d{1,3}){3}|\[[\da-f:.]+\]):\d{1,5}$/i.test(text)) {
    throw new ValueError(`option bootstrap: ${JSON.stringify(text)} is no address, as 192.0.2.1:8468`);
  }
  return text;
}

/** Where the node runs: in a Worker, or here. */
async function openPort(inWorker) {
  if (inWorker) {
    return new WorkerPort();
  }
  const { serve } = await import("./kadmesh.host.js");
  const { port1, port2 } = new MessageChannel();
  serve(port2);
  return {
    listen: (hear) => (port1.onmessage = ({ data }) => hear(data)),
    post: (message) => port1.postMessage(message),
    close() {
      port1.close();
      port2.close();
    },
  };
}

class WorkerPort {
  constructor() {
    this.worker = newWorker();
  }

  listen(hear, fail) {
    this.worker.onmessage = ({ data }) => hear(data);
    this.worker.onerror = (event) => fail(`the Worker has failed: ${event.message ?? "kadmesh.worker.js cannot be loaded"}`);
  }

  post(message) {
    this.worker.postMessage(message);
  }

  close() {
    this.worker.terminate();
  }
}

function newWorker() {
  const url = new URL("./kadmesh.worker.js", import.meta.url);
  if (url.origin === globalThis.location?.origin || !/^https?:$/.test(url.protocol)) {
    return new Worker(new URL("./kadmesh.worker.js", import.meta.url), { type: "module" });
  }
  // A Worker must come from the page's own origin; what it imports need not.
  const source = new Blob([`import ${JSON.stringify(url.href)};`], { type: "text/javascript" });
  const blob = URL.createObjectURL(source);
  const worker = new Worker(blob, { type: "module" });
  worker.addEventListener("message", () => URL.revokeObjectURL(blob), { once: true });
  return worker;
}
