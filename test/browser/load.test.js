// Many nodes that are WebAssembly: tabs, and processes of Node.js.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { newContext, openTab, startBrowser } from "./lib/browser.js";
import { atEnd, endAll, nativePing, startNode, startRelay } from "./lib/network.js";
import { each, Program, within } from "./lib/processes.js";
import { values } from "./lib/tagged.js";

let first, relay;

before(async () => {
  first = await startNode();
  relay = await startRelay({ bootstrap: [first.address], ports: 128 });
});

after(endAll);

test("20 tabs of one browser", async () => {
  const context = await newContext(await startBrowser());
  const tabs = [];
  await each(Array.from({ length: 20 }), 4, async () => tabs.push(await openTab(context, relay)));
  assert.equal(new Set(tabs.map(({ id }) => id)).size, tabs.length);
  const list = Object.values(values);
  await each(tabs, 4, (tab, i) => tab.set(`tab ${i}`, list[i]));
  await each(tabs, 4, async (tab, i) => {
    for (const step of [1, 7, 13]) {
      const from = (i + step) % tabs.length;
      assert.deepEqual(await tab.get(`tab ${from}`), list[from], `tab ${i} gets what tab ${from} has set`);
    }
  });
  for (const tab of tabs) {
    assert.equal(await nativePing(tab.address), tab.id);
    const stats = await tab.run(() => node.stats());
    assert.ok(stats.contacts >= tabs.length / 2, `${stats.contacts} contacts`);
    // An answer that comes late, since there is a lot to do, is not known any more.
    const { "unknown answer": late, ...dropped } = stats.dropped;
    assert.deepEqual([dropped, tab.errors], [{}, []]);
  }
  await context.close();
});

test("50 nodes in Node.js", async () => {
  const workers = await Promise.all([25, 25].map((count) => startMany(count)));
  const started = await Promise.all(workers.map((worker) => worker.ask("start")));
  const nodes = started.flatMap((list, w) =>
    list.map((node, i) => ({ ...node, ask: (op, ...args) => workers[w].ask(op, i, ...args) })),
  );
  assert.equal(nodes.length, 50);
  assert.equal(new Set(nodes.map(({ id }) => id)).size, nodes.length);
  await each(nodes, 8, async (node, i) => assert.ok((await node.ask("set", `node ${i}`, i)) > 1, `node ${i}`));
  await each(nodes, 8, async (node, i) => {
    for (const step of [1, 17, 33]) {
      const from = (i + step) % nodes.length;
      assert.equal(await node.ask("get", `node ${from}`), from);
    }
  });
  for (const node of nodes) {
    assert.equal(await nativePing(node.address), node.id);
  }
});

/** A process of Node.js with so many nodes, asked by lines of JSON. */
async function startMany(count) {
  const program = await Program.start(process.execPath, ["test/browser/lib/many.js", relay.url, String(count)], {
    input: "",
  });
  atEnd(() => program.stop("SIGKILL"));
  const waiting = new Map();
  let last = 0;
  program.onLine = (line) => {
    const { id, result, error } = JSON.parse(line);
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    return error === undefined ? resolve(result) : reject(new Error(error));
  };
  return {
    ask(op, ...args) {
      const id = ++last;
      program.child.stdin.write(JSON.stringify({ id, op, args }) + "\n");
      const ended = program.ended.then(() => Promise.reject(new Error(program.said)));
      return within(
        Promise.race([new Promise((resolve, reject) => waiting.set(id, { resolve, reject })), ended]),
        `${op} in Node.js`,
      );
    },
  };
}
