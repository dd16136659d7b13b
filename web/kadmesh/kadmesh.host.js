// Runs the core, which is Go as WebAssembly, and stands between it and the page:
// in a Worker, or on the page's own thread. cmd/wasm/host.go says what the core
// expects of it; kadmesh.js is the other end of the port.

import "./kadmesh.exec.js";
import { Links } from "./kadmesh.direct.js";
import { openStorage } from "./kadmesh.storage.js";

/** Serves the page at the other end of port: a Worker's self, or a MessagePort. */
export function serve(port) {
  let host = null;
  port.onmessage = ({ data }) => {
    if (data.start) {
      host = new Host(port);
      host.links = data.links ? new Links(data.links) : null;
      host.run(data.start).catch((error) => host.ended(error.code ?? "failed", error.message));
      return;
    }
    try {
      host?.[data.do](...data.with);
    } catch (error) {
      host.ended("failed", `the core has crashed: ${error.message}`);
    }
  };
}

class Host {
  constructor(port) {
    this.port = port;
    this.links = null; // the near end of direct paths
    this.calls = null; // functions of the core, once it is ready
    this.stopped = false;
    this.over = false;
  }

  tell(what, ...details) {
    this.port.postMessage({ tell: what, with: details });
  }

  async run(options) {
    this.progress({ step: "loading", bytes: 0 });
    this.opening = openStorage(options.storage);
    const [{ module, bytes }, storage] = await Promise.all([compile(options.wasm), this.opening]);
    this.storage = storage;
    this.options = { ...options, ...storage.identity };
    this.records = storage.records;
    storage.records = [];
    this.progress({ step: "running", bytes });
    await this.runCore(module);
  }

  async runCore(module) {
    const go = new Go();
    this.timeouts = go._scheduledTimeouts;
    const instance = await WebAssembly.instantiate(module, go.importObject);
    if (this.stopped) {
      return this.ended("", "");
    }
    const name = `kadmesh ${Math.random()}`;
    globalThis[name] = this;
    go.argv = ["kadmesh", name];
    await go.run(instance);
    await this.ended("failed", "the core has crashed; the console says where");
  }

  // What the core calls.

  progress(step) {
    this.tell("step", step);
  }

  ready(id, address, calls) {
    this.calls = calls;
    this.storage.remember({ id });
    this.tell("ready", id, address);
  }

  relay(state, token) {
    if (token) {
      this.storage.remember({ resume: { url: state.url, token } });
    }
    this.tell("relay", state);
  }

  events(json) {
    this.tell("events", json);
  }

  reply(n, code, result, bytes) {
    if (result && typeof result === "object" && "recordBytes" in result) {
      result.storage = this.storage.state;
    }
    this.tell("reply", n, code, result, bytes);
  }

  save(key, value, published, ttl, cached) {
    this.storage.save({ key, value, published, ttl, cached });
  }

  remove(key) {
    this.storage.remove(key);
  }

  contacts(contacts) {
    this.storage.remember({ contacts });
  }

  async ended(code, message, relayCode = "") {
    if (this.over) {
      return;
    }
    this.over = true;
    this.calls = null;
    await (await this.opening).close();
    // Go leaves some that are of no use. They would keep Node.js from its end.
    this.timeouts?.forEach((timeout) => clearTimeout(timeout));
    this.links?.close();
    this.tell("ended", code, message, relayCode);
  }

  // What the page calls.

  call(...args) {
    this.calls?.call(...args);
  }

  cancel(n) {
    this.calls?.cancel(n);
  }

  listen(names) {
    this.calls?.listen(names);
  }

  wake() {
    this.calls?.wake();
  }

  stop() {
    this.stopped = true;
    if (!this.over) {
      this.onstop?.();
    }
  }
}

/** Fetches and compiles the core, while it comes in where the server lets that. */
async function compile(url) {
  if (url.startsWith("file:")) {
    const bytes = await explain(readFile(url), `cannot load ${url}`);
    return { module: await explain(WebAssembly.compile(bytes), `cannot compile ${url}`), bytes: bytes.byteLength };
  }
  const hint = "kadmesh.wasm must be beside the module, or where the option wasm says";
  const response = await explain(fetch(url), `cannot load ${url}`);
  if (!response.ok) {
    throw new Error(`cannot load ${url}: status ${response.status}; ${hint}`);
  }
  const type = response.headers.get("content-type") ?? "";
  if (type.startsWith("text/html")) {
    throw new Error(`cannot load ${url}: there is a page instead; ${hint}`);
  }
  const compiling = type.startsWith("application/wasm")
    ? WebAssembly.compileStreaming(response)
    : response.arrayBuffer().then((bytes) => WebAssembly.compile(bytes));
  const module = await explain(compiling, `cannot compile ${url}`);
  const [timing] = performance.getEntriesByName?.(url).slice(-1) ?? [];
  return { module, bytes: timing?.encodedBodySize ?? 0 };
}

/** Says what failed, in front of why. */
async function explain(promise, what) {
  try {
    return await promise;
  } catch (error) {
    throw new Error(`${what}: ${error.message}`);
  }
}

/** Reads a file, in Node.js. Bundlers need not know of it. */
async function readFile(url) {
  const fs = "node:fs/promises";
  const { readFile } = await import(/* @vite-ignore */ /* webpackIgnore: true */ fs);
  return readFile(new URL(url));
}
