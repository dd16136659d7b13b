// Direct paths: tabs and native nodes, tabs and tabs, and traffic that stays on the relay.

import assert from "node:assert/strict";
import { BlockList } from "node:net";
import { networkInterfaces } from "node:os";
import { after, before, test } from "node:test";
import { newContext, openTab, plainAddresses, startBrowser } from "./lib/browser.js";
import { endAll, nativePing, nativeSet, pair, startNode, startPython, startRelay } from "./lib/network.js";
import { each, until } from "./lib/processes.js";
import { values } from "./lib/tagged.js";

const direct = { direct: "direct", storage: false };

let browser, natives, relay;

before(async () => {
  const first = await startNode([], ["--webrtc"]);
  natives = [
    first,
    ...(await Promise.all(Array.from({ length: 5 }, () => startNode([first.address], ["--webrtc"])))),
  ];
  relay = await startRelay({
    bootstrap: [first.address],
    args: ["--metrics", "127.0.0.1:0", "--max-datagrams=none", "--max-bytes=none"],
  });
  browser = await startBrowser(plainAddresses);
});

after(endAll);

/** A profile whose pages count their peer connections, can cut them, and can put the node under load. */
async function watched(browser) {
  const context = await newContext(browser);
  await context.addInitScript(() => {
    globalThis.connections = [];
    globalThis.RTCPeerConnection = class extends RTCPeerConnection {
      constructor(configuration) {
        if (globalThis.noMore) {
          throw new DOMException("no more", "UnknownError");
        }
        super(configuration);
        connections.push(this);
      }

      createDataChannel(name, options) {
        this.channel = super.createDataChannel(name, options);
        const send = this.channel.send.bind(this.channel);
        this.channel.send = (data) => this.cut || send(data);
        // As where the path is gone: not even that the other end has closed it is heard.
        for (const [target, type] of [
          [this.channel, "message"],
          [this.channel, "close"],
          [this, "connectionstatechange"],
        ]) {
          target.addEventListener(type, (event) => this.cut === "silent" && event.stopImmediatePropagation());
        }
        return this.channel;
      }
    };
    /** Pings peers, and sets and gets values of these names, until the promise of meanwhile(progress) resolves. */
    globalThis.underLoad = async (peers, names, meanwhile) => {
      const progress = { done: 0, failed: [] };
      let going = true;
      const load = async (operation) => {
        for (let i = 0; going; i++) {
          await operation(i).then(
            () => progress.done++,
            (error) => progress.failed.push(String(error)),
          );
          await new Promise((resolve) => setTimeout(resolve, 2));
        }
      };
      const value = async (name) => {
        await node.set(name, name);
        if ((await node.get(name)) !== name) {
          throw new Error(`${name} has another value`);
        }
      };
      const loads = [
        ...peers.map((peer) => load(() => node.ping(peer))),
        ...names.map((name) => load((i) => value(`${name} ${i}`))),
      ];
      await meanwhile(progress);
      going = false;
      await Promise.all(loads);
      return progress;
    };
    globalThis.fallen = async () =>
      Object.values((await node.stats()).paths.fallbacks).reduce((sum, n) => sum + n, 0);
    /** Closes a connection that is open, or has it fall silent only. */
    globalThis.cut = (close) => {
      const open = connections.find(({ channel, cut }) => !cut && channel?.readyState === "open");
      if (open) {
        open.cut = close ? "closed" : "silent";
      }
      if (close) {
        open?.close();
      }
      return open !== undefined;
    };
  });
  return context;
}

const paths = async (tab) => (await tab.run(() => node.stats())).paths;

/** Waits until a tab reaches all of peers directly. */
const isDirect = (tab, peers) =>
  until(async () => {
    const direct = (await tab.run(() => node.paths()))
      .filter(({ path }) => path === "direct")
      .map(({ address }) => address);
    return peers.every(({ address }) => direct.includes(address));
  }, "direct paths");

/** What the relay has passed on, in both directions. */
async function passedOn(by = relay) {
  const url = await until(() => /url=(http:\S+metrics)/.exec(by.program.said)?.[1], "the address of the metrics");
  const text = await (await fetch(url)).text();
  return [...text.matchAll(/_datagrams_total\{direction=\S+ (\d+)/g)].reduce((sum, [, n]) => sum + Number(n), 0);
}

test("a tab and native nodes come to speak directly, and the relay has nothing to do with it", async () => {
  const tab = await openTab(await watched(browser), relay, null);
  await tab.run(() => (globalThis.changes = []));
  await tab.start(direct);
  await tab.run(() => node.on("path", (change) => changes.push(change)));
  assert.equal(await tab.run(() => node.direct), "direct");
  await isDirect(tab, natives);

  const [relayed, before] = [await passedOn(), await paths(tab)];
  const pings = 200;
  await tab.run(
    async ([address, pings]) => {
      for (let i = 0; i < pings; i++) {
        await node.ping(address);
      }
    },
    [natives[1].address, pings],
  );
  for (let i = 0; i < 20; i++) {
    assert.ok((await tab.set(`direct ${i}`, values.true)) > 1);
    assert.deepEqual(await tab.get(`direct ${i}`), values.true);
  }
  const after = await paths(tab);
  assert.ok(
    after.direct.sent - before.direct.sent >= pings,
    `${after.direct.sent - before.direct.sent} datagrams sent directly`,
  );
  assert.ok(
    after.direct.received - before.direct.received >= pings,
    `${after.direct.received - before.direct.received} received directly`,
  );
  // A first request to the tab comes by the relay; no node is new here.
  assert.ok(
    (await passedOn()) - relayed < pings / 4,
    `the relay passed on ${(await passedOn()) - relayed} datagrams meanwhile`,
  );
  assert.ok(after.upgrades >= natives.length);
  assert.equal(after.open, natives.length);

  const table = await tab.run(() => node.table());
  for (const { address } of natives) {
    const entry = table.find((entry) => entry.address === address);
    assert.equal(entry.path, "direct");
    assert.ok(entry.rtt > 0, `rtt ${entry.rtt}`);
  }
  await tab.page.close();
});

test("paths are cut under load, and no operation is lost", async (t) => {
  const tab = await openTab(await watched(browser), relay, direct);
  await isDirect(tab, natives);
  // Half of the channels end, the others fall silent, and so do later ones.
  const switches = 2 * natives.length;
  const { done, failed } = await tab.run(
    ([peers, switches]) =>
      underLoad(peers, ["one", "two"], async () => {
        for (let cuts = 0; (await fallen()) < switches;) {
          cuts += cut(cuts % 2);
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      }),
    [natives.map(({ address }) => address), switches],
  );
  assert.deepEqual(failed, [], `of ${done + failed.length} operations`);
  assert.ok(done > 100, `${done} operations`);
  t.diagnostic(`${done} operations, ${switches} switches`);
  const { upgrades, fallbacks, resent, direct: sent } = await paths(tab);
  assert.ok(upgrades > natives.length, `${upgrades} upgrades`);
  assert.ok(fallbacks.silent > 0 && fallbacks.lost > 0, JSON.stringify(fallbacks));
  assert.ok(sent.sent > 0 && resent > 0, `${resent} sent again`);
  await tab.page.close();
});

test("without being asked, a tab makes no peer connection and announces nothing", async () => {
  for (const options of [
    { storage: false },
    { storage: false, direct: "relay-only", iceServers: [{ urls: "stun:127.0.0.1:1" }] },
  ]) {
    const tab = await openTab(await watched(browser), relay, options);
    assert.equal(await tab.run(() => node.direct), "relay-only");
    await each(natives, natives.length, (native) => nativePing(tab.address).then(() => tab.ping(native.address)));
    await tab.set("all by the relay", values.true);
    assert.equal(await tab.run(() => connections.length), 0);
    assert.deepEqual(await tab.run(() => node.paths()), []);
    const { upgrades, offersSent, offersHeard, relay: relayed, direct: sent } = await paths(tab);
    assert.deepEqual([upgrades, offersSent, offersHeard, sent], [0, 0, 0, { sent: 0, received: 0 }]);
    assert.ok(relayed.sent > 0 && relayed.received > 0);
    assert.ok((await tab.run(() => node.table())).every(({ path, rtt }) => path === "relay" && rtt === null));
    await tab.page.close();
  }
});

test("where there is no WebRTC, all goes over the relay", async () => {
  for (const disable of [
    () => delete globalThis.RTCPeerConnection,
    () =>
      (globalThis.RTCPeerConnection = class {
        constructor() {
          throw new DOMException("forbidden", "NotAllowedError");
        }
      }),
  ]) {
    const context = await newContext(browser);
    await context.addInitScript(disable);
    const tab = await openTab(context, relay, { ...direct, iceServers: [{ urls: "stun:127.0.0.1:3478" }] });
    assert.equal(await tab.run(() => node.direct), "relay-only");
    assert.equal(await tab.ping(natives[0].address), natives[0].id);
    assert.deepEqual(tab.errors, []);
    await tab.page.close();
  }
});

test("a browser that can make no more peer connections stays on the relay", async () => {
  const context = await newContext(browser);
  await context.addInitScript(() => {
    let first = true;
    globalThis.RTCPeerConnection = class extends RTCPeerConnection {
      constructor(configuration) {
        if (!first) {
          throw new DOMException("too many", "UnknownError");
        }
        super(configuration);
        first = false;
      }
    };
  });
  const tab = await openTab(context, relay, direct);
  assert.equal(await tab.run(() => node.direct), "direct");
  await until(async () => (await paths(tab)).failures.broken > 0, "a failure");
  assert.equal(await tab.ping(natives[0].address), natives[0].id);
  assert.equal((await paths(tab)).upgrades, 0);
  assert.deepEqual(tab.errors, []);
  await tab.page.close();
});

test("options that make no sense are refused", async () => {
  const tab = await openTab(await newContext(browser), relay, null);
  for (const [options, message] of [
    [{ direct: true }, /option direct: want one of "relay-only", "direct", "lan", not true/],
    [{ direct: "wan" }, /not "wan"/],
    [{ iceServers: "stun:127.0.0.1" }, /option iceServers: want an array/],
    [{ iceServers: [null] }, /option iceServers/],
    [{ direct: "direct", iceServers: [{ urls: "http://127.0.0.1" }] }, /option iceServers: .*http/],
  ]) {
    const error = await tab.rejection((options) => module.Kadmesh.start(options), options);
    assert.equal(error?.kind, "ValueError", JSON.stringify(options));
    assert.match(error.message, message);
  }
  await tab.page.close();
});

test("nodes that know nothing of direct paths are sent none", async () => {
  const first = await startNode([], ["--webrtc"]);
  const pythons = await startPython(3, ["--log", "warning"]);
  const network = await startRelay({ bootstrap: [first.address] });
  const plain = await startNode([first.address]);
  await each(pythons, 3, (python) => python.bootstrap(first.address));
  const tab = await openTab(await watched(browser), network, { direct: "lan", storage: false });
  await isDirect(tab, [first]);
  for (let i = 0; i < 30; i++) {
    await tab.set(`mixed ${i}`, values.true);
    assert.deepEqual(await tab.get(`mixed ${i}`), values.true);
  }
  await pythons[0].set("from Python", values.true);
  await each([...pythons, plain], 4, (peer) => tab.ping(peer.address));
  assert.deepEqual(
    (await tab.run(() => node.paths())).map(({ address }) => address),
    [first.address],
  );
  assert.doesNotMatch(pythons[0].program.said, /rpc_/);
  // It would say so.
  await pythons[0].ask("raw_call", {
    addr: pair(pythons[1].address),
    name: "direct",
    args: [{ t: "bytes", v: "11".repeat(20) }],
  });
  assert.match(pythons[0].program.said, /rpc_direct/);
  await tab.page.close();
});

test("two browsers in one local network come to speak directly, and by the relay again when they are cut under load", async (t) => {
  const first = await startNode();
  const network = await startRelay({
    bootstrap: [first.address],
    args: ["--metrics", "127.0.0.1:0", "--max-datagrams=none", "--max-bytes=none"],
  });
  const tabs = [];
  for (let i = 0; i < 2; i++) {
    const browser = await startBrowser(hasPrivateAddress() ? plainAddresses : []);
    tabs.push(await openTab(await watched(browser), network, { direct: "lan", storage: false }));
  }
  await tabs[0].ping(tabs[1].address);
  await isDirect(tabs[0], [tabs[1]]);
  await isDirect(tabs[1], [tabs[0]]);

  const pings = 100;
  /** Has each tab ping the other. Resolves to the datagrams by path meanwhile. */
  const pingEachOther = async () => {
    const [relayed, before] = [await passedOn(network), await Promise.all(tabs.map(paths))];
    await Promise.all(
      [
        [0, 1],
        [1, 0],
      ].map(([from, to]) =>
        tabs[from].run(
          async ([address, pings]) => {
            for (let i = 0; i < pings; i++) {
              await node.ping(address);
            }
          },
          [tabs[to].address, pings],
        ),
      ),
    );
    const after = await Promise.all(tabs.map(paths));
    const sent = (way) => Math.min(...after.map((now, i) => now[way].sent - before[i][way].sent));
    return { relayed: (await passedOn(network)) - relayed, direct: sent("direct"), relay: sent("relay") };
  };
  const directly = await pingEachOther();
  assert.ok(directly.direct >= 2 * pings, JSON.stringify(directly)); // requests and answers
  assert.ok(directly.relayed < pings / 2, JSON.stringify(directly));

  // One closes the connection and makes no other; both notice it, and go on for a while.
  const loads = await Promise.all(
    tabs.map((tab, i) =>
      tab.run(
        ([peer, name, cuts]) =>
          underLoad([peer, peer], [name], async (progress) => {
            const furtherDone = async (n) => {
              for (const end = progress.done + n; progress.done < end && !progress.failed.length;) {
                await new Promise((resolve) => setTimeout(resolve, 10));
              }
            };
            await furtherDone(50);
            if (cuts) {
              globalThis.noMore = true;
              cut(true);
            }
            while (!(await fallen()) && !progress.failed.length) {
              await new Promise((resolve) => setTimeout(resolve, 10));
            }
            await furtherDone(50);
          }),
        [tabs[1 - i].address, `value ${i}`, i === 0],
      ),
    ),
  );
  for (const { done, failed } of loads) {
    assert.deepEqual(failed, [], `of ${done + failed.length} operations`);
    assert.ok(done >= 100, `${done} operations`);
  }
  t.diagnostic(
    `${loads.map(({ done }) => done).join(" and ")} operations, fallbacks ${JSON.stringify((await Promise.all(tabs.map(paths))).map(({ fallbacks }) => fallbacks))}`,
  );

  const again = await pingEachOther();
  assert.equal(again.direct, 0, JSON.stringify(again));
  assert.ok(again.relay >= 2 * pings, JSON.stringify(again));
  assert.ok(again.relayed >= 4 * pings, JSON.stringify(again));
});

/** Whether this machine has one: without, a browser must be found by its name. */
function hasPrivateAddress() {
  const lan = new BlockList();
  for (const [net, bits, family] of [
    ["10.0.0.0", 8, "ipv4"],
    ["172.16.0.0", 12, "ipv4"],
    ["192.168.0.0", 16, "ipv4"],
    ["fc00::", 7, "ipv6"],
  ]) {
    lan.addSubnet(net, bits, family);
  }
  return Object.values(networkInterfaces())
    .flat()
    .some(({ address, family }) => lan.check(address, family.toLowerCase()));
}
