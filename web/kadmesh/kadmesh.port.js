// Where the node runs, as the page sees it: in a Worker, or on the page's thread.
// A port has listen, post and close.

import { UnsupportedError } from "./kadmesh.errors.js";

export async function openPort(worker = "Worker" in globalThis) {
  return worker ? new WorkerPort() : new LocalPort(await import("./kadmesh.host.js"));
}

class LocalPort {
  constructor({ serve }) {
    this.channel = new MessageChannel();
    serve(this.channel.port2);
  }

  listen(hear) {
    this.channel.port1.onmessage = ({ data }) => hear(data);
  }

  post(message, transfer = []) {
    this.channel.port1.postMessage(message, transfer);
  }

  close() {
    this.channel.port1.close();
    this.channel.port2.close();
  }
}

class WorkerPort {
  constructor() {
    try {
      this.worker = newWorker();
    } catch (error) {
      throw new UnsupportedError(
        `a Worker cannot be started here: ${error.message}; without one, set the option worker to false`,
      );
    }
  }

  listen(hear, fail) {
    this.worker.onmessage = ({ data }) => hear(data);
    this.worker.onerror = (event) => {
      fail(
        event.message
          ? `the Worker has failed: ${event.message}`
          : "kadmesh.worker.js cannot be loaded: is it beside the module, and does the page's policy (CSP) allow it?",
      );
    };
  }

  post(message, transfer = []) {
    this.worker.postMessage(message, transfer);
  }

  close() {
    this.worker.terminate();
  }
}

// Bundlers know what the URL in new Worker means, if it is written like this.
function newWorker() {
  const here = import.meta.url;
  const { origin, protocol } = new URL(here);
  if (origin === globalThis.location?.origin || !/^https?:$/.test(protocol)) {
    return new Worker(new URL("./kadmesh.worker.js", import.meta.url), { type: "module" });
  }
  // A Worker must come from the page's own origin; what it imports need not.
  const source = `import ${JSON.stringify(new URL("./kadmesh.worker.js", here).href)};`;
  const blob = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const worker = new Worker(blob, { type: "module" });
  const revoke = () => URL.revokeObjectURL(blob);
  worker.addEventListener("message", revoke, { once: true });
  worker.addEventListener("error", revoke, { once: true });
  return worker;
}
