import assert from "node:assert/strict";
import test from "node:test";
import { bitsOf, byDistance, estimateSize, log2Distance, prefixLength, shortID } from "../../web/page/model/ids.js";

const zero = "0".repeat(40);
const one = "0".repeat(39) + "1";
const top = "8" + "0".repeat(39);

test("prefixLength counts the leading bits that are shared", () => {
  assert.equal(prefixLength(zero, zero), 160);
  assert.equal(prefixLength(zero, one), 159);
  assert.equal(prefixLength(zero, top), 0);
  assert.equal(prefixLength("f7" + "0".repeat(38), "f1" + "0".repeat(38)), 5);
});

test("log2Distance falls by one as the distance halves", () => {
  assert.equal(log2Distance(zero, zero), -1);
  assert.equal(log2Distance(zero, one), 0);
  assert.equal(log2Distance(zero, top), 159);
  assert.equal(log2Distance(zero, "4" + "0".repeat(39)), 158);
});

test("log2Distance agrees with the prefix length", () => {
  let a = 1;
  const digit = () => ((a = (a * 48271) % 2147483647) % 16).toString(16);
  for (let i = 0; i < 200; i++) {
    const [x, y] = [0, 0].map(() => Array.from({ length: 40 }, digit).join(""));
    assert.equal(Math.floor(log2Distance(x, y)), 159 - prefixLength(x, y), `${x} ${y}`);
  }
});

test("byDistance orders nearest first", () => {
  assert.deepEqual([top, one, zero].sort(byDistance(one)), [one, zero, top]);
});

test("bitsOf gives the most significant bit first", () => {
  assert.deepEqual([...bitsOf(top).slice(0, 3)], [1, 0, 0]);
  assert.equal(bitsOf(one)[159], 1);
});

test("estimateSize needs enough ids, and is of the right size", () => {
  assert.equal(estimateSize(zero, [one]), null);
  const even = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, "0") + "8".repeat(38));
  const size = estimateSize(zero, even);
  assert.ok(size > 170 && size < 380, `got ${size}, want about 256`);
});

test("shortID is for people, and there may be no id yet", () => {
  assert.equal(shortID("4f2a90c1" + "0".repeat(32)), "4f2a90c1");
  assert.equal(shortID(undefined), "");
});
