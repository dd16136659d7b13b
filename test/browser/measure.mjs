// What a node in a tab is like: a table of figures. `make bench-browser` runs it.

import { stat } from "node:fs/promises";
import { join } from "node:path";
import { newContext, openTab, plainAddresses, startBrowser } from "./lib/browser.js";
import { atEnd, endAll, nativeSet, scratch, startNode, startRelay } from "./lib/network.js";
import { each, Program, root, run } from "./lib/processes.js";

const nodes = 40;
const runs = 7;
const gets = 300;
const span = "5s";

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const ms = (list) =>
  `${median(list).toFixed(0)} ms (${Math.min(...list).toFixed(0)}-${Math.max(...list).toFixed(0)})`;

async function main() {
  const demo = await Program.start(join(root, "bin/kadmesh"), [
    "demo",
    "--json",
    "--nodes",
    String(nodes),
    "--page",
    "127.0.0.1:0",
  ]);
  atEnd(() => demo.stop("SIGKILL"));
  const { bootstrap } = JSON.parse(demo.first);
  const seed = { address: bootstrap };
  const relay = await startRelay({ bootstrap: [bootstrap], args: ["--max-datagrams=none", "--max-bytes=none"] });
  const browser = await startBrowser();
  const rows = [];

  const cold = [];
  const warm = [];
  for (let i = 0; i < runs; i++) {
    const context = await newContext(browser);
    cold.push(await startTimes(context, relay));
    warm.push(await startTimes(context, relay));
    await context.close();
  }
  for (const [name, list] of [
    ["cold", cold],
    ["warm", warm],
  ]) {
    for (const step of ["running", "relay", "joined"]) {
      rows.push([`navigation to ${step}, ${name}`, ms(list.map((times) => times[step]))]);
    }
  }
  const shown = [];
  for (let i = 0; i < runs; i++) {
    const context = await newContext(browser);
    shown.push(await pageTime(context, relay));
    await context.close();
  }
  rows.push(["navigation to the page of a joined node, cold", ms(shown)]);

  const context = await newContext(browser);
  const tab = await openTab(context, relay, { storage: false });
  await each(Array.from({ length: gets }), 4, (_, i) => nativeSet(seed, `measured ${i}`, { t: "int", v: String(i) }));
  const took = await tab.run(async (gets) => {
    const took = [];
    for (let i = 0; i < gets; i++) {
      const began = performance.now();
      const { holder } = await node.find(`measured ${i}`);
      if (holder) {
        took.push(performance.now() - began);
      }
    }
    return took;
  }, gets);
  rows.push([
    `get from a tab, ${nodes} nodes, ${took.length} values it does not hold: median`,
    `${median(took).toFixed(2)} ms`,
  ]);

  const flood = join(await scratch(), "flood");
  const built = await run(process.env.GO ?? "go", ["build", "-o", flood, "./test/browser/flood"]);
  if (built.status !== 0) {
    throw new Error(built.said);
  }
  for (const method of ["ping", "find_node"]) {
    const { output, said } = await run(flood, [tab.address, method, span]);
    rows.push([`${method} requests that a tab answers`, `${output.trim() || said} /s`]);
  }
  await measureDirect(rows);
  const { size } = await stat(join(root, "web/kadmesh/kadmesh.wasm.br"));
  rows.push(["kadmesh.wasm with brotli", `${size} bytes`]);

  const width = Math.max(...rows.map(([name]) => name.length));
  for (const [name, figure] of rows) {
    console.log(`${name.padEnd(width)}  ${figure}`);
  }
}

/** What direct paths to native nodes are like. */
async function measureDirect(rows) {
  const first = await startNode([], ["--webrtc"]);
  const natives = [
    first,
    ...(await Promise.all(Array.from({ length: 3 }, () => startNode([first.address], ["--webrtc"])))),
  ];
  const relay = await startRelay({ bootstrap: [first.address], args: ["--max-datagrams=none", "--max-bytes=none"] });
  const browser = await startBrowser(plainAddresses);
  const upgrades = [];
  for (let i = 0; i < runs; i++) {
    const context = await newContext(browser);
    const tab = await openTab(context, relay, null);
    upgrades.push(
      ...(await tab.run(async (count) => {
        const { Kadmesh } = module;
        const took = [];
        let joined;
        globalThis.node = await Kadmesh.start({
          direct: "direct",
          storage: false,
          onprogress: ({ step }) => step === "joining" && (joined = performance.now()),
        });
        await new Promise((resolve) => {
          node.on("path", ({ at }) => {
            took.push(at - joined);
            if (took.length === count) {
              resolve();
            }
          });
          // Those that were faster than anybody could listen.
          node
            .paths()
            .then((list) =>
              list.forEach(
                ({ path }) => path === "direct" && took.push(performance.now() - joined) === count && resolve(),
              ),
            );
        });
        return took;
      }, natives.length)),
    );
    if (i === runs - 1) {
      rows.push(["ping directly: median", `${median(await pings(tab, natives[1].address)).toFixed(2)} ms`]);
    }
    await context.close();
  }
  rows.push([`joining to a direct path, ${upgrades.length} of them: median`, ms(upgrades)]);
  const context = await newContext(browser);
  const tab = await openTab(context, relay, { storage: false });
  rows.push(["ping by the relay: median", `${median(await pings(tab, natives[1].address)).toFixed(2)} ms`]);
  await context.close();
}

function pings(tab, address) {
  return tab.run(
    async ([address, count]) => {
      const took = [];
      for (let i = 0; i < count; i++) {
        took.push((await node.ping(address)).rtt);
      }
      return took;
    },
    [address, gets],
  );
}

/** Milliseconds from navigation to each step, with the page loading at the same time. */
async function startTimes(context, relay) {
  const page = await context.newPage();
  await page.addInitScript(() => {
    globalThis.times = import(new URL("/kadmesh.js", location.href)).then(async ({ Kadmesh }) => {
      const times = {};
      await Kadmesh.start({ onprogress: ({ step }) => (times[step] = performance.now()) });
      return times;
    });
  });
  await page.goto(relay.url);
  const times = await page.evaluate(() => globalThis.times);
  await page.close();
  return times;
}

/** Milliseconds from navigation to a page that shows its node. */
async function pageTime(context, relay) {
  const page = await context.newPage();
  await page.addInitScript(() => {
    globalThis.shown = new Promise((resolve) => {
      const look = () => {
        const join = document.getElementById("join-button");
        if (join?.textContent === "Join the network" && join.checkVisibility()) {
          join.click();
        }
        const leave = [...document.querySelectorAll("button")].find((button) => button.textContent === "Leave");
        if (leave?.checkVisibility()) {
          resolve(performance.now());
        } else {
          requestAnimationFrame(look);
        }
      };
      look();
    });
  });
  await page.goto(`${relay.url}/`);
  const time = await page.evaluate(() => globalThis.shown);
  await page.close();
  return time;
}

try {
  await main();
} finally {
  await endAll();
}
process.exit();
