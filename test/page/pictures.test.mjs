import assert from "node:assert/strict";
import test from "node:test";
import { scaleOf } from "../../web/page/model/scale.js";
import { caption, Trace, Traces } from "../../web/page/model/trace.js";
import { layOut, Places } from "../../web/page/model/rows.js";
import { lastMinute } from "../../web/page/panels/traffic.js";
import { BoundedMap, RingBuffer } from "../../web/page/model/ringbuffer.js";
import { step } from "../../web/page/ui/picker.js";

const target = "0".repeat(40);
const peer = (first) => ({ id: first + "0".repeat(39), address: "192.0.2.1:1" });
const box = { width: 400, height: 300, left: 30, right: 20, top: 20, bottom: 30 };
const done = { stage: "done", found: true, hops: 2, requests: 2 };

function traced() {
  const trace = new Trace({ lookup: 1, purpose: "get", target, at: 100 });
  const say = (request, to, stage, at, rtt = 0) =>
    trace.request({ request, to, stage, at, rtt, method: "find_value" });
  say(1, peer("8"), "sent", 100);
  say(2, peer("2"), "sent", 101);
  say(1, peer("8"), "replied", 110, 10);
  say(2, peer("2"), "late", 120);
  say(2, peer("2"), "replied", 130, 29);
  return trace;
}

test("the staircase goes down only, and the winner is the answer that ended it", () => {
  const trace = traced();
  trace.done = { ...done, at: 131 };
  assert.deepEqual(trace.staircase(), [
    [10, 159],
    [30, 157],
  ]);
  assert.equal(trace.winner().to.id, peer("2").id);
  assert.equal(caption(trace, 200), "found in 2 hops, 2 requests, 31 ms, at 20000000");
});

test("the winner is the holder, where that is told", () => {
  const traces = new Traces();
  traces.lookup({ lookup: 1, purpose: "get", target, at: 100, stage: "started" });
  for (const [request, first] of [
    [1, "8"],
    [2, "2"],
  ]) {
    const event = { lookup: 1, request, to: peer(first), method: "find_value", rtt: 5 };
    traces.request({ ...event, stage: "sent", at: 100 });
    traces.request({ ...event, stage: "replied", at: 105 });
  }
  const trace = traces.lookup({ lookup: 1, purpose: "get", target, at: 105, ...done });
  traces.found({ key: target, holder: peer("8") });
  assert.equal(trace.winner().to.id, peer("8").id);
  assert.equal(traces.found({ key: peer("1").id, holder: null }), undefined);
});

test("a set says how many acknowledged it, once that is told", () => {
  const traces = new Traces();
  const trace = traces.lookup({ lookup: 1, purpose: "set", target, at: 100, stage: "started" });
  traces.lookup({ lookup: 1, purpose: "set", target, at: 120, ...done, found: false });
  assert.equal(caption(trace, 200), "holders found in 2 hops, 2 requests, 20 ms");
  traces.kept({ key: target, nodes: 20 });
  assert.equal(caption(trace, 200), "stored in 2 hops, 2 requests, 20 ms, at 20 holders");
});

test("a lookup of which only the end is known does no harm", () => {
  const traces = new Traces();
  const trace = traces.lookup({ lookup: 9, purpose: "get", target, at: 5, ...done });
  assert.equal(trace.winner(), null);
  assert.equal(traces.request({ lookup: 77, request: 1, to: peer("1"), stage: "sent", at: 1 }), undefined);
});

test("lookups and their requests are bounded", () => {
  const traces = new Traces();
  for (let i = 0; i < 100; i++) {
    traces.lookup({ lookup: i, purpose: i % 2 ? "get" : "refresh", target, at: i, stage: "started" });
  }
  assert.ok(traces.list(true).length <= 24);
  const trace = traces.list(false).at(-1);
  for (let i = 0; i < 1000; i++) {
    trace.request({ request: i, to: peer("1"), stage: "sent", at: i, method: "find_value" });
  }
  assert.ok(trace.requests.length <= 400);
});

test("scales keep everything inside the box", () => {
  for (const trace of [traced(), new Trace({ lookup: 1, purpose: "get", target, at: 100 })]) {
    const scale = scaleOf(trace, 131, box);
    for (const [t, d] of [
      [0, 160],
      [31, 157],
      [1e9, -1],
      [-5, 0],
    ]) {
      assert.ok(scale.x(t) >= box.left && scale.x(t) <= box.width - box.right, `x(${t})`);
      assert.ok(scale.y(d) >= box.top && scale.y(d) <= box.height - box.bottom, `y(${d})`);
    }
    assert.ok(scale.times().length > 1 && scale.times().length < 12);
    assert.ok(scale.distances().length > 1 && scale.distances().length < 20);
  }
});

test("contacts keep their places as others come and go", () => {
  const entry = (id, place = "bucket") => ({ id, prefix: 0, place });
  const places = new Places();
  places.update([entry("a"), entry("b"), entry("c")]);
  places.update([entry("c"), entry("d")]);
  assert.deepEqual(places.row(0).bucket, ["d", null, "c"]);
  places.update([entry("c", "replacement")]);
  assert.deepEqual(places.row(0), { bucket: [], replacement: ["c"] });
});

test("rows fit into their box, as far as dots can shrink", () => {
  const places = new Places();
  places.update(
    Array.from({ length: 300 }, (_, i) => ({ id: `n${i}`, prefix: i % 12, place: i % 5 ? "bucket" : "replacement" })),
  );
  for (const width of [268, 340, 500]) {
    const { rows, bottom } = layOut(places, 20, width, 430);
    assert.ok(bottom < 430.01, `bottom ${bottom} at width ${width}`);
    assert.equal(rows.flatMap((r) => r.dots).length, 300);
    assert.ok(rows.flatMap((r) => r.dots).every((d) => d.x > 0 && d.x < width));
  }
});

test("samples stand at their times, however rarely they are taken", () => {
  const sample = (from, at) => ({ from, at });
  const places = (samples) => lastMinute(samples, 600).map(({ left, right }) => [left, right]);
  assert.deepEqual(places([]), []);
  assert.deepEqual(places([sample(0, 1000), sample(1000, 2000)]), [
    [580, 590],
    [590, 600],
  ]);
  const hidden = [0, 15, 30, 45, 60].map((s) => sample(100_000 + 1000 * s, 115_000 + 1000 * s));
  assert.deepEqual(places([sample(0, 100_000), ...hidden]), [
    [0, 150],
    [150, 300],
    [300, 450],
    [450, 600],
  ]);
  assert.deepEqual(places([sample(0, 90_000)]), [[0, 600]]);
});

test("a ring forgets its oldest, a bounded map what was set longest ago", () => {
  const ring = new RingBuffer(3);
  assert.deepEqual(
    [1, 2, 3, 4].map((n) => ring.push(n)),
    [undefined, undefined, undefined, 1],
  );
  assert.deepEqual(ring.toArray(), [2, 3, 4]);
  assert.deepEqual([ring.newest(), ring.newest(2), ring.newest(3)], [4, 2, undefined]);
  const map = new BoundedMap(2);
  map.set("a", 1).set("b", 2).set("a", 3).set("c", 4);
  assert.deepEqual([...map.keys()], ["a", "c"]);
});

test("arrow keys lead to the mark that is meant", () => {
  const marks = [
    ["a", 0, 0],
    ["b", 10, 0],
    ["c", 12, 20],
  ].map(([key, x, y]) => ({ key, x, y }));
  assert.equal(step(marks, -1, "ArrowRight"), "a");
  assert.equal(step(marks, 2, "ArrowRight"), "c");
  assert.equal(step(marks, 0, "ArrowDown"), "c");
  assert.equal(step(marks, 2, "ArrowUp"), "b");
  assert.equal(step(marks, 1, "Escape"), null);
  assert.equal(step(marks, 1, "Tab"), undefined);
  assert.equal(step([], -1, "ArrowDown"), undefined);
});
