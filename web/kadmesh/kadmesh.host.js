// Runs the core, which is Go as WebAssembly, and stands between the core and the page:
// in a Worker, or on the page's own thread. cmd/wasm/host.go lists the names that the
// core uses. kadmesh.js is at the other end of the port.

import "./kadmesh.exec.js";
import { Links } from "./kadmesh.direct.js";
import { NoStorage, openStorage } from "./kadmesh.storage.js";

/** @import { RelayState, StartStep } from "./kadmesh.js" */
/** @import { Checked } from "./kadmesh.options.js" */
/** @import { KeptRecord } from "./kadmesh.storage.js" */

/**
 * The start of a node: its options, whether it meets peers at public addresses, and the
 * port to the page's direct paths, if there are any.
 *
 * @typedef {{ start: Checked & { public?: boolean }, links?: MessagePort }} Start
 */

/**
 * The functions of the core, as of cmd/wasm.
 *
 * @typedef {{
 *   call: (...args: unknown[]) => void,
 *   cancel: (n: number) => void,
 *   listen: (names: string[]) => void,
 *   wake: () => void,
 * }} Calls
 */

/**
 * Serves the page at the other end of a port.
 *
 * @param {Pick<MessagePort, "onmessage" | "postMessage">} port
 */
export function serve(port) {
  /** @type {Host | null} */
  let host = null;
  port.onmessage = ({ data }) => {
    if (data.start) {
      host = new Host(port, data);
      host.run().catch((error) => host?.ended(error.code ?? "failed", error.message));
    } else {
      host?.obey(data.do, data.with);
    }
  };
}

class Host {
  /** Read by the core. */
  options;
  /** The near end of direct paths. Read by the core. */
  links;
  /**
   * The records from the database. Read by the core, which sets them to null.
   *
   * @type {KeptRecord[] | null}
   */
  records = null;
  /**
   * Ends the node. Set by the core.
   *
   * @type {(() => void) | undefined}
   */
  onstop;
  #port;
  #opening; // the promise of the storage
  /** @type {NoStorage | Awaited<ReturnType<typeof openStorage>>} */
  #storage = new NoStorage();
  /** @type {Calls | null} */
  #calls = null; // once the core is ready
  /** @type {Map<number, number> | undefined} */
  #timeouts; // of Go
  #stopped = false; // by the page
  #over = false;

  /**
   * @param {Pick<MessagePort, "postMessage">} port
   * @param {Start} start
   */
  constructor(port, { start, links }) {
    this.#port = port;
    this.options = start;
    this.links = links ? new Links(links) : null;
    this.#opening = openStorage(start.storage);
  }

  /** Loads the core and runs it to its end. */
  async run() {
    this.progress({ step: "loading", bytes: 0 });
    const [{ module, bytes }, storage] = await Promise.all([compile(this.options.wasm), this.#opening]);
    this.#storage = storage;
    this.options = { ...this.options, ...storage.identity };
    this.records = storage.records;
    storage.records = [];
    this.progress({ step: "running", bytes });
    await this.#runCore(module);
  }

  /** @param {WebAssembly.Module} module */
  async #runCore(module) {
    const go = new Go();
    this.#timeouts = go._scheduledTimeouts;
    const instance = await WebAssembly.instantiate(module, go.importObject);
    if (this.#stopped) {
      return this.ended("", "");
    }
    const name = `kadmesh ${Math.random()}`;
    /** @type {any} */ (globalThis)[name] = this;
    go.argv = ["kadmesh", name];
    await go.run(instance);
    await this.ended("failed", "the core has crashed; the console says where");
  }

  /**
   * Follows a command of the page.
   *
   * @param {string} command
   * @param {any[]} details
   */
  obey(command, details) {
    try {
      switch (command) {
        case "call":
          this.#calls?.call(...details);
          break;
        case "cancel":
          this.#calls?.cancel(details[0]);
          break;
        case "listen":
          this.#calls?.listen(details[0]);
          break;
        case "wake":
          this.#calls?.wake();
          break;
        case "stop":
          this.#stop();
      }
    } catch (error) {
      this.ended("failed", `the core has crashed: ${messageOf(error)}`);
    }
  }

  #stop() {
    this.#stopped = true;
    if (!this.#over) {
      this.onstop?.();
    }
  }

  /**
   * @param {string} what
   * @param {unknown[]} details
   */
  #tell(what, ...details) {
    this.#port.postMessage({ tell: what, with: details });
  }

  // The core calls the methods from here on.

  /** @param {object} step a StartStep without its time */
  progress(step) {
    this.#tell("step", step);
  }

  /**
   * @param {string} id
   * @param {string} address
   * @param {Calls} calls
   */
  ready(id, address, calls) {
    this.#calls = calls;
    this.#storage.remember({ id });
    this.#tell("ready", id, address);
  }

  /**
   * @param {RelayState} state
   * @param {Uint8Array | null} token lends the same address again; null unless connected
   */
  relay(state, token) {
    if (token) {
      this.#storage.remember({ resume: { url: state.url, token } });
    }
    this.#tell("relay", state);
  }

  /** @param {string} json */
  events(json) {
    this.#tell("events", json);
  }

  /**
   * @param {number} n of the call
   * @param {string} code "" for success
   * @param {any} result
   * @param {unknown} bytes
   */
  reply(n, code, result, bytes) {
    if (result && typeof result === "object" && "recordBytes" in result) {
      result.storage = this.#storage.state;
    }
    this.#tell("reply", n, code, result, bytes);
  }

  /** @param {KeptRecord} record */
  save(record) {
    this.#storage.save(record);
  }

  /** @param {string} key */
  remove(key) {
    this.#storage.remove(key);
  }

  /** @param {string[]} contacts */
  contacts(contacts) {
    this.#storage.remember({ contacts });
  }

  /**
   * Nothing follows.
   *
   * @param {string} code "" for an end by the page
   * @param {string} message
   */
  async ended(code, message, relayCode = "") {
    if (this.#over) {
      return;
    }
    this.#over = true;
    this.#calls = null;
    await (await this.#opening).close();
    // Go leaves timers behind. They would keep Node.js from its end.
    this.#timeouts?.forEach((timeout) => clearTimeout(timeout));
    this.links?.close();
    this.#tell("ended", code, message, relayCode);
  }
}

/**
 * Fetches the core and compiles it. If the server sends the right media type, both go on
 * at the same time.
 *
 * @param {string} url
 */
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
  const [timing] = /** @type {PerformanceResourceTiming[]} */ (performance.getEntriesByName?.(url).slice(-1) ?? []);
  return { module, bytes: timing?.encodedBodySize ?? 0 };
}

/**
 * Names the failed step in front of the reason.
 *
 * @template T
 * @param {Promise<T>} promise
 * @param {string} what
 */
async function explain(promise, what) {
  try {
    return await promise;
  } catch (error) {
    throw new Error(`${what}: ${messageOf(error)}`);
  }
}

/** @param {unknown} error */
function messageOf(error) {
  return /** @type {Error} */ (error).message;
}

/**
 * Reads a file in Node.js. Bundlers must not follow the import.
 *
 * @param {string} url
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
async function readFile(url) {
  const fs = "node:fs/promises";
  const { readFile } = await import(/* @vite-ignore */ /* webpackIgnore: true */ fs);
  return readFile(new URL(url));
}
