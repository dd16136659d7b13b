// One network of tabs, Go nodes and real Python nodes.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createSocket } from "node:dgram";
import { after, before, test } from "node:test";
import { newContext, openTab, startBrowser } from "./lib/browser.js";
import {
  atEnd,
  endAll,
  nativeGet,
  nativePing,
  nativeSet,
  pair,
  startNode,
  startPython,
  startRelay,
} from "./lib/network.js";
import { each, until } from "./lib/processes.js";
import { values } from "./lib/tagged.js";

// With fewer holders than nodes, a get has to ask for the value.
const k = 4;

// Python nodes take the command line for a node, and wait for
// them when these are gone: many things at a time make up for it.
const atATime = 16;

const clientID = createHash("sha1").update("kadmesh client").digest("hex");

let browser, relay, tabs, natives, pythons, nodes;

before(async () => {
  const first = await startNode([], ["-k", k]);
  natives = [first, await startNode([first.address], ["-k", k])];
  pythons = await startPython(3, ["--ksize", k]);
  relay = await startRelay({ bootstrap: [first.address] });
  browser = await startBrowser();
  const [one, other] = [await newContext(browser), await newContext(browser)];
  tabs = [await openTab(one, relay, { k }), await openTab(other, relay, { k }), await openTab(other, relay, { k })];
  for (const [i, python] of pythons.entries()) {
    await python.bootstrap(i ? first.address : tabs[0].address);
  }
  nodes = [
    ...tabs.map((tab, i) => ({
      name: `tab ${i}`,
      id: tab.id,
      address: tab.address,
      set: (k, v) => tab.set(k, v),
      get: (k) => tab.get(k),
    })),
    ...natives.map((n, i) => ({
      name: `go ${i}`,
      id: n.id,
      address: n.address,
      set: (k, v) => nativeSet(n, k, v),
      get: (k) => nativeGet(n, k),
    })),
    ...pythons.map((p, i) => ({
      name: `python ${i}`,
      id: p.id,
      address: p.address,
      set: (k, v) => p.set(k, v),
      get: (k) => p.get(k),
    })),
  ];
});

after(endAll);

test("tabs are nodes of their own", () => {
  assert.equal(new Set(nodes.map(({ id }) => id)).size, nodes.length);
  assert.equal(new Set(nodes.map(({ address }) => address)).size, nodes.length);
});

test("every node sets, every node gets", async () => {
  const list = Object.values(values);
  const pairs = nodes.flatMap((setter) => nodes.map((getter) => [setter, getter]));
  await each(pairs, atATime, async ([setter, getter], i) => {
    const [key, value] = [`from ${setter.name} to ${getter.name}`, list[i % list.length]];
    await setter.set(key, value);
    assert.deepEqual(await getter.get(key), value, key);
  });
});

test("every value between tabs, Go and Python keeps its type", async () => {
  await each(Object.entries(values), atATime, async ([name, value], i) => {
    const [tab, other] = [tabs[i % 3], tabs[(i + 1) % 3]];
    const [python, native] = [pythons[i % 3], natives[i % 2]];
    await tab.set(`${name} by a tab`, value);
    await python.set(`${name} by Python`, value);
    await nativeSet(native, `${name} by Go`, value);
    for (const by of ["a tab", "Python", "Go"]) {
      const key = `${name} by ${by}`;
      assert.deepEqual(await other.get(key), value, `a tab's get of ${key}`);
      assert.deepEqual(await python.get(key), value, `Python's get of ${key}`);
      assert.deepEqual(await nativeGet(native, key), value, `Go's get of ${key}`);
    }
  });
});

test("Python pings tabs, tabs ping Python and each other", async () => {
  for (const tab of tabs) {
    assert.equal(await pythons[0].ping(tab.address), tab.id);
    assert.equal(await pythons[1].ping(tab.address, tab.id), tab.id);
    assert.equal(await nativePing(tab.address), tab.id);
    for (const node of nodes.filter((node) => node.id !== tab.id)) {
      assert.equal(await tab.ping(node.address), node.id);
    }
  }
});

test("Python finds nodes by asking a tab", async () => {
  const { answered, value } = await pythons[0].ask("find_node", { addr: pair(tabs[1].address), target: tabs[2].id });
  assert.equal(answered, true);
  assert.equal(value.t, "list");
  const contacts = value.v.map(({ v: [id, ip, port] }) => `${id.v} ${ip.v}:${port.v}`);
  assert.equal(contacts[0], `${tabs[2].id} ${tabs[2].address}`);
  const all = nodes.map(({ id, address }) => `${id} ${address}`);
  assert.deepEqual(
    contacts.filter((contact) => !all.includes(contact) && !contact.startsWith(clientID)),
    [],
  );
});

test("a Python node's value is on a tab when all others that held it are gone", async () => {
  const [setter, other] = await startPython(2);
  const network = await startRelay({ bootstrap: [setter.address] });
  await other.bootstrap(setter.address);
  const tab = await openTab(await newContext(browser), network);
  await setter.set("left to a tab", values["str unicode"]);
  const key = await tab.run(() => node.keyOf("left to a tab"));
  const [held] = await tab.run(async (key) => (await node.records()).filter((record) => record.key === key), key);
  assert.equal(held.value, values["str unicode"].v);
  assert.equal(held.cached, false);
  await setter.ask("stop");
  await other.ask("stop");
  // Nothing can be handed to this one when it joins: it has to ask for it.
  const [reader] = await startPython(1);
  const { value } = await reader.ask("raw_call", {
    addr: pair(tab.address),
    name: "find_value",
    args: [
      { t: "bytes", v: "11".repeat(20) },
      { t: "bytes", v: key },
    ],
  });
  assert.deepEqual(value.v, [[{ t: "str", v: "value" }, values["str unicode"]]]);
  await reader.bootstrap(tab.address);
  assert.deepEqual(await reader.get("left to a tab"), values["str unicode"]);
  await tab.close();
});

test("a tab tells what it knows: find, lookup, table, records, stats", async () => {
  const [tab] = tabs;
  const byTable = await tab.run(() => node.table());
  for (const node of nodes.filter(({ id }) => id !== tab.id)) {
    const entry = byTable.find(({ id }) => id === node.id);
    assert.deepEqual([entry?.address, entry?.place, entry?.fails], [node.address, "bucket", 0], node.name);
    assert.equal(entry.prefix, commonPrefix(tab.id, node.id), node.name);
  }

  await pythons[0].set("to be found", values["str unicode"]);
  await nativeSet(natives[0], "to be found, too", values["int 255"]);
  const holders = new Set();
  for (const from of tabs) {
    const found = await from.run(() => node.find("to be found"));
    assert.deepEqual([found.value, found.type], [values["str unicode"].v, "str"]);
    holders.add(found.holder && found.holder.address);
    if (found.holder) {
      assert.equal(nodes.find(({ address }) => address === found.holder.address).id, found.holder.id);
    }
    const own = await from.run(() => node.find("to be found, too"));
    assert.equal(own.value, 255);
    assert.ok(own.published === null || Math.abs(own.published - Date.now()) < 60_000, `published ${own.published}`);
  }

  const nearest = await tab.run(() => node.lookup("some key"));
  const key = await tab.run(() => node.keyOf("some key"));
  assert.equal(key, createHash("sha1").update("some key").digest("hex"));
  const distance = (id) => BigInt(`0x${id}`) ^ BigInt(`0x${key}`);
  const sorted = nodes.map(({ id }) => id).sort((a, b) => (distance(a) < distance(b) ? -1 : 1));
  assert.deepEqual(
    nearest.map(({ id }) => id),
    sorted.filter((id) => nearest.some((n) => n.id === id)),
    "nearest first",
  );
  assert.equal(nearest.length, k);

  const { records, stats } = await tab.run(async () => ({
    records: await node.records(),
    stats: await node.stats(),
  }));
  assert.equal(records.length, stats.records);
  const bytes = records.reduce((sum, { bytes }) => sum + bytes, 0);
  assert.ok(stats.recordBytes >= bytes, `${stats.recordBytes} bytes in all, ${bytes} of them values`);
  assert.deepEqual(
    records.map(({ published }) => published),
    records.map(({ published }) => published).sort((a, b) => b - a),
    "the latest first",
  );
  assert.deepEqual(
    (await tab.run(() => node.records({ limit: 2 }))).map(({ key }) => key),
    records.slice(0, 2).map(({ key }) => key),
  );
  assert.ok(records.every(({ expires, published }) => expires > published));
  assert.ok(
    stats.served.ping > 0 && stats.served.store > 0 && stats.served.find_node > 0 && stats.served.find_value > 0,
    JSON.stringify(stats.served),
  );
  assert.equal(stats.storage, "kept");
  assert.equal(stats.contacts, byTable.filter(({ place }) => place === "bucket").length);
  const { "unknown answer": late, ...dropped } = stats.dropped; // slow peers are asked twice
  assert.deepEqual(dropped, {});
});

test("what others stored and set cannot, find gives and get does not", async () => {
  const [tab] = tabs;
  const nested = {
    t: "list",
    v: [
      {
        t: "map",
        v: [
          [
            { t: "str", v: "k" },
            { t: "nil", v: null },
          ],
        ],
      },
      { t: "float", v: "0x1.8000000000000p+0" },
    ],
  };
  for (const [type, value, encoding] of [
    ["list", nested, "9281a16bc0cb3ff8000000000000"],
    ["nil", { t: "nil", v: null }, "c0"],
    ["map", { t: "map", v: [] }, "80"],
  ]) {
    const key = await tab.run((type) => node.keyOf(`raw ${type}`), type);
    const stored = await pythons[2].ask("raw_store", { addr: pair(tab.address), key, value });
    assert.deepEqual(stored, { answered: true, value: { t: "bool", v: true } });
    const found = await tab.get(`raw ${type}`);
    assert.equal(found.t, "differs"); // from the answer of get
    assert.match(found.get, /^ValueError: /);
    assert.equal(
      await tab.run(
        async (type) =>
          [...(await node.find(`raw ${type}`)).value].map((b) => b.toString(16).padStart(2, "0")).join(""),
        type,
      ),
      encoding,
    );
  }
});

test("events come to those who listen, and to them alone", async () => {
  const [tab, other] = tabs;
  const seen = await tab.run(async (address) => {
    const seen = { relay: [], contact: [], request: [], lookup: [], served: [], record: [] };
    globalThis.seen = seen;
    globalThis.offs = Object.keys(seen).map((event) => node.on(event, (detail) => seen[event].push(detail)));
    await node.ping(address);
    await node.set("an event", "has happened").then(() => node.lookup("another event"));
    return seen;
  }, other.address);
  assert.ok(seen, "there are events");
  await each(Array.from({ length: 20 }), 4, (_, i) => other.set(`event ${i}`, values.true));
  const { request, lookup, served, record } = await until(async () => {
    const seen = await tab.run(() => globalThis.seen);
    return (
      seen.served.length &&
      seen.record.length &&
      seen.lookup.filter(({ stage }) => stage === "done").length >= 2 &&
      seen
    );
  }, "events of each kind");
  const [ping] = request.filter(({ method }) => method === "ping");
  assert.deepEqual([ping.to.address, ping.lookup, ping.stage], [other.address, 0, "sent"]);
  assert.ok(request.some(({ request, stage, rtt }) => request === ping.request && stage === "replied" && rtt >= 0));
  const byPurpose = (purpose) => lookup.filter((event) => event.purpose === purpose).map(({ stage }) => stage);
  assert.deepEqual(byPurpose("set"), ["started", "done"]);
  assert.deepEqual(byPurpose("lookup"), ["started", "done"]);
  assert.ok(
    served.every(({ method, id, from }) => method && /^[0-9a-f]{40}$/.test(id) && from),
    JSON.stringify(served[0]),
  );
  assert.ok(
    record.every(({ change, bytes }) => change === "stored" && bytes > 0),
    JSON.stringify(record),
  );
  const now = await tab.run(() => performance.now());
  for (const { at } of [...request, ...lookup, ...served, ...record]) {
    assert.ok(Math.abs(at - now) < 60_000, `at ${at}, now ${now}`);
  }

  const count = () => tab.run(() => Object.values(globalThis.seen).flat().length);
  await tab.run(() => globalThis.offs.forEach((off) => off()));
  await tab.ping(other.address); // earlier messages have come
  const before = await count();
  await tab.set("not an event", values.true);
  assert.equal(await count(), before);
  assert.equal((await tab.rejection(() => node.on("weather", () => {}))).kind, "ValueError");
});

test("what is wrong rejects with its own error", async () => {
  const [tab] = tabs;
  const rejects = async (f, argument, kind, code, message) => {
    const error = await tab.rejection(f, argument);
    assert.deepEqual([error?.kind, error?.name, error?.code], [kind, kind, code], `${f}: ${JSON.stringify(error)}`);
    assert.match(error.message, message);
  };
  // This one takes its time.
  const noRelay = rejects(
    () => module.Kadmesh.start({ relay: "ws://127.0.0.1:1", storage: false }),
    null,
    "RelayError",
    "relay",
    /127\.0\.0\.1:1/,
  );
  await rejects(() => node.get("nobody has set this"), null, "NotFoundError", "not-found", /nobody has set this/);
  await rejects((address) => node.ping(address), await deadAddress(), "NoAnswerError", "no-answer", /127\.0\.0\.1/);
  for (const [f, message] of [
    [() => node.set("k", null), /null/],
    [() => node.set("k", {}), /Object/],
    [() => node.set("k", undefined), /undefined/],
    [() => node.set("k", [1]), /Array/],
    [() => node.set("k", 2n ** 64n), /18446744073709551616/],
    [() => node.set("k", -(2n ** 63n) - 1n), /-9223372036854775809/],
    [() => node.set("k", 1.5, { type: "int" }), /int/],
    [() => node.set("k", "1", { type: "int" }), /int/],
    [() => node.set("k", 1, { type: "str" }), /str/],
    [() => node.set("k", "x".repeat(8138)), /8140 bytes/],
    [() => node.set("k", new Uint8Array(8138)), /8140 bytes/],
    [() => node.set("k", "é".repeat(4069)), /8140 bytes/],
    [() => node.set("k", "half \ud800"), /surrogate/],
    [() => node.set("half \udfff", 1), /surrogate/],
    [() => node.get(7), /string/],
    [() => node.get(), /string/],
    [() => node.ping("nowhere"), /nowhere/],
    [() => node.ping("127.0.0.1"), /127\.0\.0\.1/],
    [() => node.ping("127.0.0.1:0"), /127\.0\.0\.1:0/],
    [() => module.Kadmesh.start({ relay: "ftp://127.0.0.1" }), /ftp/],
    [() => module.Kadmesh.start({ relay: "https://" }), /relay/],
    [() => module.Kadmesh.start({ relay: [] }), /relay/],
    [() => module.Kadmesh.start({ bootstrap: ["name:1"] }), /bootstrap/],
    [() => module.Kadmesh.start({ k: 0 }), /k/],
    [() => module.Kadmesh.start({ alpha: 1.5 }), /alpha/],
    [() => module.Kadmesh.start({ storeBytes: "1" }), /storeBytes/],
  ]) {
    await rejects(f, null, "ValueError", "value", message);
  }
  await rejects(
    () => module.Kadmesh.start({ wasm: "/nothing.wasm", storage: false }),
    null,
    "KadmeshError",
    "failed",
    /nothing\.wasm.*404/,
  );
  await noRelay;
});

test("a tab alone is a network of one", async () => {
  const lonely = await startRelay();
  const tab = await openTab(await newContext(browser), lonely);
  assert.deepEqual(await tab.run(() => node.lookup("alone")), []);
  assert.equal(await tab.set("alone", values["int 1"]), 1);
  assert.deepEqual(await tab.get("alone"), values["int 1"]);
  assert.equal((await tab.rejection(() => node.get("nothing"))).kind, "NotFoundError");
  const full = await openTab(await newContext(browser), lonely, { storeBytes: 1 });
  assert.equal((await full.rejection(() => node.set("alone", 1))).kind, "NotStoredError");
  assert.equal((await full.run(() => node.stats())).refused, 1);
  await full.close();
  await tab.close();
});

test("an AbortSignal ends what is under way, and start", async () => {
  const [tab] = tabs;
  const dead = await deadAddress();
  const abort = (f) => tab.rejection(f, dead);
  for (const f of [
    (dead) => {
      const c = new AbortController();
      setTimeout(() => c.abort(), 20);
      return node.ping(dead, { signal: c.signal });
    },
    () => node.get("k", { signal: AbortSignal.abort() }),
    () => node.set("k", 1, { signal: AbortSignal.abort() }),
    () => module.Kadmesh.start({ signal: AbortSignal.abort() }),
    () => {
      const c = new AbortController();
      return module.Kadmesh.start({ signal: c.signal, onprogress: ({ step }) => step === "relay" && c.abort() });
    },
    () => {
      const c = new AbortController();
      return module.Kadmesh.start({ signal: c.signal, onprogress: ({ step }) => step === "loading" && c.abort() });
    },
  ]) {
    assert.equal((await abort(f))?.name, "AbortError", String(f));
  }
  const reason = await tab.rejection((dead) => {
    const c = new AbortController();
    setTimeout(() => c.abort(new RangeError("enough")), 20);
    return node.ping(dead, { signal: c.signal });
  }, dead);
  assert.deepEqual([reason.name, reason.message], ["RangeError", "enough"]);
  await tab.set("works on", values.true);
});

test("a stopped tab rejects what is under way, and is gone", async () => {
  const tab = await openTab(await newContext(browser), relay, { k });
  const dead = await deadAddress();
  const said = await tab.run(async (dead) => {
    const stopped = [];
    node.on("stopped", (event) => stopped.push(event));
    const under = node.ping(dead).catch((error) => error.name);
    await node.stop();
    await node.stop();
    const after = await node.get("k").catch((error) => error.name);
    return { under: await under, after, stopped, address: node.address };
  }, dead);
  assert.deepEqual(said, { under: "StoppedError", after: "StoppedError", stopped: [{ reason: "" }], address: "" });
  assert.equal(await pythons[0].ping(tab.address), null);
  const again = await tab.start({ k });
  assert.equal(again.id, tab.id);
  await again.set("back", values["int 1"]);
  assert.deepEqual(await pythons[1].get("back"), values["int 1"]);
  await tab.close();
});

test("no tab has met an error, no Python node is broken", async () => {
  for (const python of pythons) {
    await python.intact();
  }
  for (const tab of tabs) {
    assert.deepEqual(
      tab.errors.filter((error) => !/127\.0\.0\.1:1\/|nothing\.wasm|404/.test(error)),
      [],
    );
  }
});

/** How many leading bits two ids share. */
function commonPrefix(a, b) {
  return 160 - (BigInt(`0x${a}`) ^ BigInt(`0x${b}`)).toString(2).length;
}

/** An address where nobody answers, and no error comes back. */
async function deadAddress() {
  const socket = createSocket("udp4");
  await new Promise((resolve) => socket.bind(0, "127.0.0.1", resolve));
  atEnd(async () => socket.close());
  return `127.0.0.1:${socket.address().port}`;
}
