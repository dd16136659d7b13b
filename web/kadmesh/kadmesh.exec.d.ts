// What kadmesh.exec.js, the wasm_exec.js of Go, defines.

declare global {
  class Go {
    argv: string[];
    importObject: WebAssembly.Imports;
    _scheduledTimeouts: Map<number, number>;
    run(instance: WebAssembly.Instance): Promise<void>;
  }
}

export {};
