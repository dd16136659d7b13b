// A node in Node.js: each member of Kadmesh, its values, events and errors, and
// the ways in which starting and stopping meet.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import {
  ConflictError,
  Kadmesh,
  NoAnswerError,
  NotFoundError,
  OtherNetworkError,
  RelayError,
  StoppedError,
  UnsupportedError,
  ValueError,
} from "../../web/kadmesh/kadmesh.js";
import { members, membersOfEvent } from "./lib/declared.mjs";
import { kadmesh, startNetwork } from "./lib/network.mjs";
import { addExample, exec, newProject } from "./lib/project.mjs";

let network, relay, node;
const keysOf = (object) => Object.keys(object).sort();

before(async () => {
  network = await startNetwork();
  relay = network.relay;
  node = await Kadmesh.start({ relay });
});

after(async () => {
  await node?.stop();
  await network.stop();
});

test("a node says who and where it is", async () => {
  assert.match(node.id, /^[\da-f]{40}$/);
  assert.match(node.address, /^127\.0\.0\.1:\d+$/);
  assert.deepEqual(keysOf(node.relay), members("RelayState"));
  assert.equal(node.relay.state, "connected");
  assert.equal(await kadmesh("ping", node.address).then((text) => text.includes(node.id)), true);
  assert.equal((await node.ping(network.seed)).id.length, 40);
});

test("starting is told step by step", async () => {
  const steps = [];
  const other = await Kadmesh.start({ relay, onprogress: (step) => steps.push(step) });
  await other.stop();
  assert.deepEqual(
    steps.map((step) => step.step),
    ["loading", "running", "relay", "joining", "joined"],
  );
  assert.ok(steps.every(({ ms }, i) => ms >= (steps[i - 1]?.ms ?? 0)));
  assert.deepEqual(steps.slice(1).map(keysOf), [
    ["bytes", "ms", "step"],
    ["address", "ms", "step", "url"],
    ["known", "ms", "seeds", "step"],
    ["contacts", "ms", "step"],
  ]);
});

test("a deleted value is gone for all", async () => {
  const other = await Kadmesh.start({ relay });
  await node.set("short", "v");
  const deleted = await other.delete("short");
  assert.deepEqual(keysOf(deleted), members("SetResult"));
  assert.ok(deleted.nodes > 1 && deleted.asked >= deleted.nodes);
  for (const reader of [node, other]) {
    await assert.rejects(reader.get("short"), NotFoundError);
  }
  await assert.rejects(kadmesh("get", "short", "--bootstrap", network.seed), /exit status 1/);
  assert.ok((await node.records()).every(({ value }) => value !== "v"));
  await other.stop();
});

test("a set on a condition takes effect once", async () => {
  const first = await node.set("leader", "a", { ifVersion: "none" });
  await assert.rejects(node.set("leader", "b", { ifVersion: "none" }), ConflictError);
  const { version, holders } = await node.find("leader", { quorum: 2 });
  assert.equal(version, first.version);
  assert.ok(holders >= 2);
  const second = await node.set("leader", "b", { ifVersion: version });
  assert.ok(second.version > version);
  await assert.rejects(node.delete("leader", { ifVersion: version }), { code: "conflict" });
  assert.equal(await node.get("leader", { maxAge: 60_000 }), "b");
  await node.delete("leader", { ifVersion: second.version });
  await assert.rejects(node.get("leader"), NotFoundError);
});

test("a value has the life that it was set with", async () => {
  await node.set("brief", "v", { ttl: 5000 });
  const key = await node.keyOf("brief");
  const record = (await node.records()).find((record) => record.key === key);
  assert.equal(record.expires - record.published, 5000);
});

test("a node does not join a network of another name", async () => {
  await assert.rejects(Kadmesh.start({ relay, network: "another" }), OtherNetworkError);
});

test("answers have the members that are declared", async () => {
  await node.set("answers", "yes");
  const found = await node.find("answers");
  assert.deepEqual(keysOf(found), members("Found"));
  assert.deepEqual([found.value, found.type], ["yes", "str"]);
  const [nearest] = await node.lookup("answers");
  assert.deepEqual(keysOf(nearest), members("Contact"));
  assert.deepEqual(keysOf((await node.table())[0]), members("TableEntry"));
  const records = await node.records();
  assert.deepEqual(keysOf(records[0]), members("StoredRecord"));
  assert.equal(records.find(({ value }) => value === "yes").key, await node.keyOf("answers"));
  assert.equal(await node.keyOf("answers"), createHash("sha1").update("answers").digest("hex"));
  assert.deepEqual(await node.records({ limit: 0 }), []);
  assert.deepEqual(keysOf(await node.stats()), members("Stats"));
  assert.deepEqual(keysOf((await node.stats()).paths), members("PathStats"));
  assert.deepEqual(await node.paths(), []);
  assert.equal(node.direct, "relay-only");
});

test("values come back as they were, and as kadmesh, the program, sees them", async () => {
  const rows = [
    ["grüß \0 👋 \uFEFF", "str"],
    ["", "str"],
    [new Uint8Array(), "bytes"],
    [new Uint8Array([0, 255]), "bytes"],
    [true, "bool"],
    [false, "bool"],
    [0, "int"],
    [Number.MIN_SAFE_INTEGER, "int"],
    [2n ** 64n - 1n, "int"],
    [-(2n ** 63n), "int"],
    [-0, "float"],
    [NaN, "float"],
    [Infinity, "float"],
    [-Infinity, "float"],
    [5e-324, "float"],
    [Number.MAX_VALUE, "float"],
    [2 ** 53, "float"],
  ];
  for (const [i, [value, type]] of rows.entries()) {
    await node.set(`value ${i}`, value);
    const found = await node.find(`value ${i}`);
    assert.deepEqual([found.value, found.type], [value, type]);
    const seen = JSON.parse(await kadmesh("get", `value ${i}`, "--json", "--bootstrap", network.seed));
    assert.equal(seen.type, type, JSON.stringify(seen));
  }
});

test("what kadmesh, the program, sets comes back with its type", async () => {
  const rows = [
    ["int", "9007199254740993", 9007199254740993n],
    ["int", "5", 5],
    ["float", "5", 5],
    ["str", "5", "5"],
    ["bool", "true", true],
  ];
  for (const [type, text, value] of rows) {
    await kadmesh("set", `set ${type} ${text}`, text, "--type", type, "--bootstrap", network.seed);
    const found = await node.find(`set ${type} ${text}`);
    assert.deepEqual([found.type, found.value], [type, value]);
  }
});

test("any number comes back exactly, through Go", async () => {
  const seed = Number(process.env.KADMESH_SEED ?? Date.now() % 2 ** 31);
  const random = randomFrom(seed);
  const word = new DataView(new ArrayBuffer(8));
  for (let i = 0; i < 150; i++) {
    word.setUint32(0, random());
    word.setUint32(4, random());
    const float = word.getFloat64(0);
    const int = i % 2 ? word.getBigInt64(0) >> BigInt(i % 64) : word.getBigUint64(0) >> BigInt(i % 64);
    await node.set("number", float, { type: "float" });
    assert.ok(Object.is(await node.get("number"), float), `float ${float}, seed ${seed}`);
    await node.set("number", int);
    const got = await node.get("number");
    assert.equal(BigInt(got), int, `seed ${seed}`);
    assert.equal(typeof got, Number.isSafeInteger(Number(int)) ? "number" : "bigint");
  }
});

/** Random words of 32 bits, by xorshift. */
function randomFrom(seed) {
  let x = seed || 1;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x >>> 0;
  };
}

test("each event has the members that are declared", async () => {
  const seen = new Map();
  const other = await Kadmesh.start({ relay, bootstrap: [network.seed] });
  for (const event of ["request", "lookup", "served", "record", "stopped"]) {
    other.on(event, (detail) => seen.set(event, detail));
  }
  for (let i = 0; i < 100 && seen.size < 4; i++) {
    await other.set("event", i);
    await kadmesh("ping", other.address);
  }
  await other.stop();
  assert.equal(seen.size, 5);
  for (const [event, detail] of seen) {
    assert.deepEqual(keysOf(detail), membersOfEvent(event), event);
  }
  assert.ok(Math.abs(seen.get("request").at - performance.now()) < 20_000);
  assert.deepEqual(seen.get("stopped"), { reason: "" });
});

test("listeners can be taken away, and their errors are the page's", async () => {
  const errors = [];
  const hear = (error) => errors.push(error.message);
  process.setUncaughtExceptionCaptureCallback(hear);
  const heard = [];
  const other = await Kadmesh.start({ relay, onprogress: () => assert.fail("onprogress") });
  const off = other.on("stopped", () => heard.push("off"));
  const listener = () => heard.push("listener");
  other.on("stopped", listener);
  other.on("stopped", () => assert.fail("listener"));
  other.on("stopped", () => heard.push("last"));
  off();
  other.off("stopped", listener);
  await other.stop();
  await new Promise((resolve) => setTimeout(resolve, 10));
  process.setUncaughtExceptionCaptureCallback(null);
  assert.deepEqual(heard, ["last"]);
  assert.deepEqual(errors, [...Array(5).fill("onprogress"), "listener"]);
  assert.throws(() => node.on("message", () => {}), /^ValueError: there is no event "message"/);
  assert.throws(() => node.on("relay"), /^ValueError: listener for relay/);
});

test("what cannot be done is refused, and hurts nobody", async () => {
  await assert.rejects(node.get("no such key"), NotFoundError);
  await assert.rejects(node.get(5), ValueError);
  await assert.rejects(node.set("\uD800", 1), ValueError);
  await assert.rejects(node.set("key", {}), ValueError);
  await assert.rejects(node.set("key", "x".repeat(8138)), ValueError);
  await node.set("key", "x".repeat(8137));
  await assert.rejects(node.ping("nowhere"), ValueError);
  await assert.rejects(node.ping("127.0.0.1:9"), NoAnswerError);
  for (const limit of [-1, 0.5, "5", NaN, null]) {
    await assert.rejects(node.records({ limit }), ValueError);
  }
  assert.equal((await node.get("key")).length, 8137);
});

test("an operation is given up by a signal", async () => {
  const reason = new Error("enough");
  await assert.rejects(node.get("key", { signal: AbortSignal.abort(reason) }), reason);
  const controller = new AbortController();
  const pinging = node.ping("127.0.0.1:9", { signal: controller.signal });
  controller.abort();
  await assert.rejects(pinging, { name: "AbortError" });
  await assert.rejects(node.ping("127.0.0.1:9", { signal: AbortSignal.timeout(20) }), { name: "TimeoutError" });
});

test("starting is given up by a signal, at any step", async () => {
  await assert.rejects(Kadmesh.start({ relay, signal: AbortSignal.abort() }), { name: "AbortError" });
  const at = new AbortController();
  const starting = Kadmesh.start({ relay, signal: at.signal });
  at.abort();
  await assert.rejects(starting, { name: "AbortError" });
  for (const last of ["loading", "running", "relay", "joining", "joined"]) {
    const controller = new AbortController();
    const onprogress = ({ step }) => step === last && controller.abort();
    await assert.rejects(
      Kadmesh.start({ relay, signal: controller.signal, onprogress }),
      { name: "AbortError" },
      last,
    );
  }
  const late = new AbortController();
  const other = await Kadmesh.start({ relay, signal: late.signal });
  late.abort();
  assert.equal(await other.set("late", 1).then(({ nodes }) => nodes > 0), true);
  await other.stop();
});

test("two nodes live side by side", async () => {
  const [a, b] = await Promise.all([Kadmesh.start({ relay }), Kadmesh.start({ relay })]);
  assert.notEqual(a.id, b.id);
  await a.set("side", "by side");
  await a.stop();
  assert.equal(await b.get("side"), "by side");
  await b.stop();
});

test("stop twice, and then nothing works", async () => {
  const other = await Kadmesh.start({ relay });
  const pinging = assert.rejects(other.ping("127.0.0.1:9"), StoppedError);
  await Promise.all([other.stop(), other.stop()]);
  await other.stop();
  await pinging;
  await assert.rejects(other.get("key"), StoppedError);
  assert.equal(other.address, "");
});

test("starting without what it needs says so", async (t) => {
  const { WebSocket } = globalThis;
  globalThis.WebSocket = undefined;
  await assert.rejects(
    Kadmesh.start({ relay }),
    (error) => error instanceof UnsupportedError && /WebSocket/.test(error.message),
  );
  globalThis.WebSocket = WebSocket;
  await assert.rejects(Kadmesh.start({ relay, worker: true }), UnsupportedError);
  const server = createServer((request, response) =>
    response.writeHead(request.url === "/page" ? 200 : 404, { "content-type": "text/html" }).end("<!doctype html>"),
  ).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const base = `http://127.0.0.1:${server.address().port}`;
  await assert.rejects(Kadmesh.start({ relay, wasm: `${base}/none` }), /status 404; kadmesh.wasm must be/);
  await assert.rejects(
    Kadmesh.start({ relay, wasm: `${base}/page` }),
    /there is a page instead; kadmesh.wasm must be/,
  );
  t.after(() => server.close());
  await assert.rejects(
    Kadmesh.start({ relay, wasm: pathToFileURL("package.json") }),
    /cannot compile .*package.json/,
  );
  await assert.rejects(Kadmesh.start({ relay: `${base}/`, signal: AbortSignal.timeout(200) }), {
    name: "TimeoutError",
  });
});

test("a relay that wants a token gets it, or says no", async () => {
  const guarded = await startNetwork([], ["--token", "secret"]);
  await assert.rejects(Kadmesh.start({ relay: guarded.relay }), RelayError);
  await (await Kadmesh.start({ relay: guarded.relay, token: "secret" })).stop();
  await guarded.stop();
});

test("the examples run from the package, and end", async () => {
  const project = await newProject();
  const directory = await addExample(project, "node", { ws: relay, http: network.http });
  const { stdout } = await exec(process.execPath, ["main.js"], { cwd: directory, timeout: 10_000 });
  assert.equal(stdout, "hello\nnobody has it\n");
  const leader = await exec(process.execPath, ["leader.js"], { cwd: directory, timeout: 10_000 });
  assert.equal(leader.stdout, "a\ntrue\nb\n");
  await project.remove();
});
