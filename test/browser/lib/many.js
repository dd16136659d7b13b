// Nodes of the module in this process of Node.js: many.js URL COUNT. Says "ready",
// then answers lines of JSON on standard input, as load.test.js sends them.

import { webcrypto } from "node:crypto";
import { createInterface } from "node:readline";
import { WebSocket } from "ws";
import { Kadmesh } from "../../../web/kadmesh/kadmesh.js";

// Node.js has these by itself from versions 22 and 20 on.
globalThis.WebSocket ??= WebSocket;
globalThis.crypto ??= webcrypto;

const [relay, count] = process.argv.slice(2);
let nodes = [];

const ops = {
  async start() {
    for (let i = 0; i < Number(count); i++) {
      nodes.push(await Kadmesh.start({ relay, worker: false }));
    }
    return nodes.map(({ id, address }) => ({ id, address }));
  },
  set: async (i, key, value) => (await nodes[i].set(key, value)).nodes,
  get: (i, key) => nodes[i].get(key),
};

async function answer({ id, op, args }) {
  try {
    return { id, result: await ops[op](...args) };
  } catch (error) {
    return { id, error: String(error.stack) };
  }
}

createInterface({ input: process.stdin })
  .on("line", async (line) => console.log(JSON.stringify(await answer(JSON.parse(line)))))
  .on("close", () => process.exit());
console.log("ready");
