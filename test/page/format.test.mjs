import assert from "node:assert/strict";
import test from "node:test";
import { bytes, count, millis, niceAbove, plural, rate, roughly, span } from "../../web/page/text/format.js";

const table = (name, f, rows) =>
  test(name, () => rows.forEach(([input, want]) => assert.equal(f(input), want, `${name}(${input})`)));

table("bytes", bytes, [
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1.0 kB"],
  [99_960, "100 kB"],
  [999_499, "999 kB"],
  [999_500, "1.0 MB"],
  [16e6, "16.0 MB"],
  [1e9, "1.0 GB"],
]);
table("millis", millis, [
  [0, "0.0 ms"],
  [9.94, "9.9 ms"],
  [9.96, "10 ms"],
  [999.4, "999 ms"],
  [999.6, "1.00 s"],
  [9994, "9.99 s"],
  [12_400, "12.4 s"],
  [59_960, "59 s"],
  [60_000, "1 min 00 s"],
]);
table("span", span, [
  [-5, "0 s"],
  [9999, "9 s"],
  [134_000, "2 min 14 s"],
  [11_100_000, "3 h 05 min"],
  [90_000_000, "1 d 01 h"],
]);
table("roughly", roughly, [
  [0, "0 s"],
  [59_999, "59 s"],
  [60_000, "1 min"],
  [86_400_000, "1 d"],
]);
table("rate", rate, [
  [0, "0"],
  [0.44, "0.4"],
  [9.96, "10"],
  [1234.4, "1,234"],
]);
table("count", count, [[8137, "8,137"]]);
table("niceAbove", niceAbove, [
  [1, 1],
  [1.1, 2],
  [3, 5],
  [7, 10],
  [10, 10],
  [101, 200],
]);

test("plural", () => {
  assert.equal(plural(1, "node"), "1 node");
  assert.equal(plural(0, "node"), "0 nodes");
  assert.equal(plural(2, "is", "are"), "2 are");
});
