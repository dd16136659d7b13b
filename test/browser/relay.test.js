// Relays that end, come back, or do not; tabs that are loaded again or closed.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { newContext, openTab, startBrowser } from "./lib/browser.js";
import { endAll, nativePing, pair, startNode, startPython, startRelay } from "./lib/network.js";
import { each, until } from "./lib/processes.js";
import { values } from "./lib/tagged.js";

let browser;

before(async () => {
  browser = await startBrowser();
});

after(endAll);

/**
 * A network of its own for a test: Python nodes wait long for nodes that are gone,
 * as each test leaves some.
 */
async function newNetwork(args) {
  const first = await startNode();
  const natives = [first, await startNode([first.address])];
  const pythons = await startPython(2);
  for (const python of pythons) {
    await python.bootstrap(first.address);
  }
  const startRelayOf = (args) => startRelay({ bootstrap: [first.address], args });
  return { natives, pythons, startRelay: startRelayOf, relay: await startRelayOf(args) };
}

const connected = (tab, url) =>
  until(
    () =>
      tab.run(
        (url) =>
          node.relay.state === "connected" &&
          inTab.relays.length > 0 &&
          node.relay.url.startsWith(url) &&
          node.address,
        (url ?? tab.url).replace("http", "ws"),
      ),
    "the relay connection",
  );

/** A tab that keeps nothing has to ask others for the values that it has set. */
const keepNothing = { storeBytes: 1 };

/** For how long a relay is away, in milliseconds. */
const outage = 1000;

for (const signal of ["SIGKILL", "SIGTERM"]) {
  test(`a relay ends by ${signal} and starts again: tabs keep their addresses`, async () => {
    const { relay, pythons } = await newNetwork();
    const contexts = [await newContext(browser), await newContext(browser)];
    const tabs = await Promise.all([0, 1, 1].map((i) => openTab(contexts[i], relay, keepNothing)));
    const before = tabs.map(({ id, address }) => ({ id, address }));
    // What is asked for at any time during this is done in the end.
    const going = tabs.map((tab, i) =>
      tab.run(async (name) => {
        const failed = [];
        let done = 0;
        globalThis.going = true;
        while (globalThis.going) {
          const key = `${name} ${done}`;
          try {
            const { nodes } = await node.set(key, done);
            const { value, holder } = await node.find(key);
            if (nodes < 2 || value !== done || !holder || !(await node.lookup(key)).length) {
              failed.push(`${key}: on ${nodes} nodes, is ${value}, of ${holder?.address}`);
            }
            await node.ping(holder.address);
          } catch (error) {
            failed.push(`${key}: ${error}`);
          }
          done++;
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        return { failed, done };
      }, `${signal} ${i}`),
    );
    await until(
      () =>
        Promise.all(tabs.map((tab) => tab.run(() => node.stats()))).then((all) =>
          all.every(({ served }) => served.store > 5),
        ),
      "values under way",
    );
    const end = await relay.stop(signal);
    assert.deepEqual([end.status, end.signal], signal === "SIGKILL" ? [null, "SIGKILL"] : [0, null]);
    await new Promise((resolve) => setTimeout(resolve, outage));
    await relay.start();
    for (const tab of tabs) {
      await connected(tab);
    }
    const again = await Promise.all(tabs.map((tab) => tab.run(() => ({ id: node.id, address: node.address }))));
    assert.deepEqual(again, before);
    for (const [i, tab] of tabs.entries()) {
      await tab.run(() => (globalThis.going = false));
      const { failed, done } = await going[i];
      assert.deepEqual(failed, [], `of ${done}`);
      const states = await tab.run(() => inTab.relays);
      assert.equal(states.at(-1).resumed, true, JSON.stringify(states));
      assert.ok(states.every(({ changed }) => !changed));
      assert.ok(
        states.some(({ state, reason }) => state === "lost" && reason),
        JSON.stringify(states),
      );
      assert.equal(await nativePing(tab.address), tab.id);
      assert.equal(await pythons[0].ping(tab.address), tab.id);
      await tab.close();
    }
  });
}

test("another relay takes over, and the node stays who it is", async () => {
  const { natives, pythons, relay: first, startRelay } = await newNetwork();
  const second = await startRelay(["--allow-origin", "*"]);
  const tab = await openTab(await newContext(browser), first, { relay: [first.url, second.url] });
  await tab.set("before the other relay", values.true);
  await first.stop("SIGKILL");
  const address = await connected(tab, second.url);
  assert.notEqual(address, tab.address);
  const last = await tab.run(() => inTab.relays.at(-1));
  assert.deepEqual([last.state, last.changed, last.resumed, last.address], ["connected", true, false, address]);
  assert.equal(await tab.run(() => node.id), tab.id);
  assert.equal(await nativePing(address), tab.id);
  assert.equal(await pythons[1].ping(address, tab.id), tab.id);
  await tab.set("after the other relay", values["int 127"]);
  assert.deepEqual(await pythons[0].get("after the other relay"), values["int 127"]);
  await pythons[1].set("by Python, after", values["float nan"]);
  assert.deepEqual(await tab.get("by Python, after"), values["float nan"]);
  await until(async () => {
    const { value } = await pythons[0].ask("find_node", { addr: pair(natives[0].address), target: tab.id });
    const [id, ip, port] = value.v[0].v;
    return id.v === tab.id && `${ip.v}:${port.v}` === address;
  }, "the other nodes to know where it is now");
  await tab.close();
});

test("a page that is loaded again is the same node, with what it held", async () => {
  const { relay, pythons } = await newNetwork();
  const context = await newContext(browser);
  const tab = await openTab(context, relay);
  const { id, address } = tab;
  await each(Object.values(values).slice(0, 10), 10, (value, i) => pythons[i % 2].set(`kept ${i}`, value));
  const kept = (tab) =>
    tab.run(async () =>
      (await node.records())
        .map(({ key, type, published, expires }) => `${key} ${type} ${published} ${expires}`)
        .sort(),
    );
  const held = await kept(tab);
  assert.ok(held.length >= 10, `${held.length} records`);
  // Some time after a change, it is in the database; closing a tab is no notice.
  await until(
    () =>
      tab.run(async (count) => {
        const db = await new Promise((resolve, reject) =>
          Object.assign(indexedDB.open("kadmesh"), { onsuccess: (e) => resolve(e.target.result), onerror: reject }),
        );
        const all = await new Promise(
          (resolve) =>
            (db.transaction("records").objectStore("records").count().onsuccess = (e) => resolve(e.target.result)),
        );
        db.close();
        return all >= count;
      }, held.length),
    "the records to be in the database",
  );
  await tab.reload();
  assert.deepEqual({ id: tab.id, address: tab.address }, { id, address });
  const again = await kept(tab);
  assert.deepEqual(
    held.filter((record) => !again.includes(record)),
    [],
  );
  assert.equal(await nativePing(tab.address), id);
  const joining = tab.steps.find(({ step }) => step === "joining");
  assert.ok(joining.known > 0, JSON.stringify(joining));

  // Only contacts from before are known.
  await tab.stop();
  await tab.start({ bootstrap: ["127.0.0.1:9"] });
  assert.equal(tab.id, id);
  assert.ok(tab.steps.at(-1).contacts >= 3, JSON.stringify(tab.steps));

  const second = await openTab(context, relay);
  assert.notEqual(second.id, id);
  assert.notEqual(second.address, tab.address);
  assert.deepEqual(await second.get("kept 3"), Object.values(values)[3]);

  await tab.close();
  const third = await until(async () => {
    const third = await openTab(context, relay);
    if (third.id === id) {
      return third;
    }
    await third.close(); // the first one's lock was not free yet
  }, "the identity to be free");
  assert.equal(third.address, tab.address);
  assert.equal(await pythons[0].ping(third.address), id);
  const memory = await openTab(context, relay, { storage: false });
  assert.ok(![id, second.id].includes(memory.id));
  assert.equal((await memory.run(() => node.stats())).storage, "memory");
  await each([second, third, memory], 1, (tab) => tab.close());
});

test("a relay that wants a token gets it, or says so", async () => {
  const { relay } = await newNetwork(["--token", "open sesame"]);
  const tab = await openTab(await newContext(browser), relay, null);
  for (const options of [{}, { token: "wrong" }]) {
    const error = await tab.rejection((options) => module.Kadmesh.start(options), options);
    assert.deepEqual([error.kind, error.code, error.relayCode], ["RelayError", "relay", "token"]);
    assert.match(error.message, /token/);
  }
  await tab.start({ token: "open sesame" });
  assert.equal(await nativePing(tab.address), tab.id);
  await tab.close();
});

test("the page asks for the relay's token, or finds it in the link", async () => {
  const { relay } = await newNetwork(["--token", "open sesame"]);
  const context = await newContext(browser);
  const page = await context.newPage();
  const joined = () => page.getByRole("button", { name: "Leave", exact: true }).waitFor();
  await page.goto(relay.url);
  assert.equal(await page.getByLabel("Token of the relay").isVisible(), false);
  await page.getByRole("button", { name: "Join the network" }).click();
  await page.getByLabel("Token of the relay").fill("open sesame");
  await page.keyboard.press("Enter");
  await joined();
  await page.goto("about:blank");
  await page.goto(`${relay.url}/#key=x`); // it has joined before, and knows the token
  await joined();
  await context.close();
  const other = await newContext(browser);
  const link = await other.newPage();
  await link.goto(`${relay.url}/#token=open%20sesame`);
  await link.getByRole("button", { name: "Join the network" }).click();
  await link.getByRole("button", { name: "Leave", exact: true }).waitFor();
  await other.close();
});

test("a tab that is alone has its own values, and a relay that is away for long is an error", async () => {
  const relay = await startRelay();
  const tab = await openTab(await newContext(browser), relay);
  assert.equal(await tab.set("alone", values.true), 1);
  assert.deepEqual(await tab.get("alone"), values.true);
  await relay.stop("SIGKILL");
  await until(() => tab.run(() => node.relay.state !== "connected"), "the loss to be seen");
  assert.equal(await tab.run(() => node.address), "");
  const given = await tab.rejection(() => node.set("given up", 1, { signal: AbortSignal.timeout(200) }));
  assert.equal(given.name, "TimeoutError");
  const error = await tab.rejection(() => node.get("away"));
  assert.deepEqual([error.kind, error.relayCode], ["RelayError", undefined]);
  assert.match(error.message, /not connected to a relay/);
  await tab.close();
});

test("a page that is offline, then online, has its address back", async () => {
  const { relay, pythons } = await newNetwork();
  const context = await newContext(browser);
  const tab = await openTab(context, relay);
  await context.setOffline(true);
  const cut = await tab.run(() => navigator.onLine);
  assert.equal(cut, false);
  // Browsers let WebSockets live on that are open. The tab may not see that the
  // relay has ended: Chromium holds a message that comes now, and later ones.
  await relay.stop("SIGKILL");
  await relay.start();
  await context.setOffline(false);
  assert.equal(await connected(tab), tab.address);
  await tab.set("online again", values.true);
  assert.deepEqual(await pythons[0].get("online again"), values.true);
  await tab.close();
});

test("a hidden page and a frozen one are nodes", async () => {
  const { relay, pythons } = await newNetwork();
  const context = await newContext(browser);
  const tab = await openTab(context, relay);
  const cdp = await context.newCDPSession(tab.page);
  await cdp.send("Emulation.setFocusEmulationEnabled", { enabled: false });
  const front = await context.newPage();
  await front.bringToFront();
  assert.equal(await nativePing(tab.address), tab.id);
  assert.equal(await pythons[1].ping(tab.address), tab.id);
  await cdp.send("Page.setWebLifecycleState", { state: "frozen" });
  await cdp.send("Page.setWebLifecycleState", { state: "active" });
  await tab.page.bringToFront();
  assert.equal(await nativePing(tab.address), tab.id);
  assert.equal(await pythons[1].ping(tab.address), tab.id);
  await tab.set("after the frost", values["int -1"]);
  assert.deepEqual(await pythons[0].get("after the frost"), values["int -1"]);
  await tab.close();
});
