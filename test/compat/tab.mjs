// A node of the npm module in Node.js, driven by lines of JSON as ../interop/node.py is:
//
//     node tab.mjs MODULE RELAY
//
// MODULE is the path of a kadmesh.js, RELAY the URL of a relay. The process ends when
// its standard input does.

import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [file, relay] = process.argv.slice(2);
const { Kadmesh } = await import(pathToFileURL(file));
const node = await Kadmesh.start({ relay, storage: false });

const operations = {
  set: async ({ key, value }) => ({ nodes: (await node.set(key, value.v)).nodes }),
  get: async ({ key }) => ({ value: { t: "str", v: await node.get(key) } }),
  state: () => ({ address: node.address, state: node.relay.state }),
};

function say(answer) {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

say({ id: node.id, address: node.address });
for await (const line of createInterface({ input: process.stdin })) {
  const { op, ...request } = JSON.parse(line);
  try {
    say({ ok: true, ...(await operations[op](request)) });
  } catch (error) {
    say({ ok: false, error: String(error) });
  }
}
await node.stop();
process.exit();
