// The thread of the node as the page sees it: a Worker, or the page's own thread.

import { UnsupportedError } from "./kadmesh.errors.js";

/**
 * A port to the node's thread. listen calls hear for each message, and fail with the
 * reason once the thread has failed.
 *
 * @typedef {{
 *   listen(hear: (message: any) => void, fail: (reason: string) => void): void,
 *   post(message: object, transfer?: Transferable[]): void,
 *   close(): void,
 * }} Port
 */

/**
 * Starts the node's thread.
 *
 * @returns {Promise<Port>}
 */
export async function openPort(worker = "Worker" in globalThis) {
  return worker ? new WorkerPort() : new LocalPort(await import("./kadmesh.host.js"));
}

/** The page's own thread. */
class LocalPort {
  #channel = new MessageChannel();

  /** @param {{ serve: (port: MessagePort) => void }} host the module kadmesh.host.js */
  constructor({ serve }) {
    serve(this.#channel.port2);
  }

  /** @param {(message: any) => void} hear */
  listen(hear) {
    this.#channel.port1.onmessage = ({ data }) => hear(data);
  }

  /**
   * @param {object} message
   * @param {Transferable[]} transfer
   */
  post(message, transfer = []) {
    this.#channel.port1.postMessage(message, transfer);
  }

  close() {
    this.#channel.port1.close();
    this.#channel.port2.close();
  }
}

/** A Worker. */
class WorkerPort {
  #worker;

  constructor() {
    try {
      this.#worker = newWorker();
    } catch (cause) {
      const { message } = /** @type {Error} */ (cause);
      throw new UnsupportedError(
        `a Worker cannot be started here: ${message}; without one, set the option worker to false`,
      );
    }
  }

  /**
   * @param {(message: any) => void} hear
   * @param {(reason: string) => void} fail
   */
  listen(hear, fail) {
    this.#worker.onmessage = ({ data }) => hear(data);
    this.#worker.onerror = (event) => {
      fail(
        event.message
          ? `the Worker has failed: ${event.message}`
          : "kadmesh.worker.js cannot be loaded: is it beside the module, and does the page's policy (CSP) allow it?",
      );
    };
  }

  /**
   * @param {object} message
   * @param {Transferable[]} transfer
   */
  post(message, transfer = []) {
    this.#worker.postMessage(message, transfer);
  }

  close() {
    this.#worker.terminate();
  }
}

// Bundlers find the Worker only if the URL in new Worker is written like this.
function newWorker() {
  const here = import.meta.url;
  const { origin, protocol } = new URL(here);
  if (origin === globalThis.location?.origin || !/^https?:$/.test(protocol)) {
    return new Worker(new URL("./kadmesh.worker.js", import.meta.url), { type: "module" });
  }
  // A Worker must come from the page's own origin. Its imports need not.
  const source = `import ${JSON.stringify(new URL("./kadmesh.worker.js", here).href)};`;
  const blob = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const worker = new Worker(blob, { type: "module" });
  const revoke = () => URL.revokeObjectURL(blob);
  worker.addEventListener("message", revoke, { once: true });
  worker.addEventListener("error", revoke, { once: true });
  return worker;
}
