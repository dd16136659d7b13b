// Runs the core, which is Go as WebAssembly, and stands between it and the page:
// in a Worker, or on the page's own thread. cmd/wasm/host.go says what the core
// expects of it; kadmesh.js is the other end of the port.

import "./kadmesh.exec.js";
import { openStorage } from "./kadmesh.storage.js";

/** Serves the page at the other end of port: a Worker's self, or a MessagePort. */
export function serve(port) {
  let host = null;
  port.onmessage = ({ data }) => {
    if (data.start) {
      host = new Host(port);
      host.run(data.start).catch((error) => host.ended(error.code ?? "failed", error.message));
    } else {
      host?.[data.do]?.(...(data.with ?? []));
    }
  };
}

class Host {
  constructor(port) {
    this.port = port;
    this.calls = null; // functions of the core, once it is ready
    this.stopped = false;
    this.over = false;
  }

  tell(what, ...details) {
    this.port.postMessage({ tell: what, with: details });
  }

  async run(options) {
    this.progress({ step: "loading", bytes: 0 });
    const [{ module, bytes }, storage] = await Promise.all([compile(options.wasm), openStorage(options.storage)]);
    this.storage = storage;
    if (this.stopped) {
      return this.ended("", "");
    }
    this.options = { ...options, ...storage.identity };
    this.records = storage.records;
    storage.records = [];
    this.progress({ step: "running", bytes });
    await this.runCore(module);
    await this.ended("failed", "the core has crashed; the console says where");
  }

  async runCore(module) {
    const name = `kadmesh ${Math.random()}`;
    globalThis[name] = this;
    const go = new Go();
    go.argv = ["kadmesh", name];
    await go.run(await WebAssembly.instantiate(module, go.importObject));
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

  async ended(code, message) {
    if (this.over) {
      return;
    }
    this.over = true;
    this.calls = null;
    await this.storage?.close();
    this.tell("ended", code, message);
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
    const bytes = await readFile(url);
    return { module: await WebAssembly.compile(bytes), bytes: bytes.byteLength };
  }
  let response;
  try {
    response = await fetch(url);
  } catch (error) {
    throw new Error(`cannot load ${url}: ${error.message}`);
  }
  if (!response.ok) {
    throw new Error(`cannot load ${url}: status ${response.status}. The file kadmesh.wasm must lie beside kadmesh.js, or be named by the option wasm`);
  }
  const type = response.headers.get("content-type") ?? "";
  const module = type.startsWith("application/wasm")
    ? await WebAssembly.compileStreaming(response)
    : await WebAssembly.compile(await response.arrayBuffer());
  const [timing] = performance.getEntriesByName?.(url).slice(-1) ?? [];
  return { module, bytes: timing?.encodedBodySize ?? 0 };
}

/** Reads a file, in Node.js. Bundlers need not know of it. */
async function readFile(url) {
  const fs = "node:fs/promises";
  const { readFile } = await import(/* @vite-ignore */ /* webpackIgnore: true */ fs);
  return readFile(new URL(url));
}
