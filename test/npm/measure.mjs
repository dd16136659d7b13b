// What a node costs: `npm run measure` in test/npm, after `make build npm`.

import { stat } from "node:fs/promises";
import { Kadmesh } from "../../web/kadmesh/kadmesh.js";
import { root, startNetwork } from "./lib/network.mjs";
import { tarball } from "./lib/project.mjs";

let memory;
const { instantiate } = WebAssembly;
WebAssembly.instantiate = async (...args) => {
  const instance = await instantiate(...args);
  memory = instance.exports.mem;
  return instance;
};

const sizes = {
  "npm package": await tarball(),
  "kadmesh.wasm": `${root}web/kadmesh/kadmesh.wasm`,
  "with gzip": `${root}web/kadmesh/kadmesh.wasm.gz`,
  "with brotli": `${root}web/kadmesh/kadmesh.wasm.br`,
};
for (const [name, file] of Object.entries(sizes)) {
  console.log(`${name}: ${(await stat(file)).size} bytes`);
}

const mebibytes = () => `${memory.buffer.byteLength / 2 ** 20} MiB`;
const network = await startNetwork();
const node = await Kadmesh.start({
  relay: network.relay,
  onprogress: ({ step, ms }) => console.log(`${step}: ${ms.toFixed()} ms`),
});
console.log(`memory, joined: ${mebibytes()}`);
for (let i = 0; i < 2000; i++) {
  await node.set(`key ${i}`, "x".repeat(1000));
}
const { records, recordBytes } = await node.stats();
console.log(`memory, with ${records} values, ${recordBytes} bytes: ${mebibytes()}`);
await node.stop();
await network.stop();
process.exit();
