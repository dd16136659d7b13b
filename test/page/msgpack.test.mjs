import assert from "node:assert/strict";
import test from "node:test";
import { msgpackText } from "../../web/page/text/msgpack.js";
const text = (...data) => msgpackText(Uint8Array.from(data));

test("values are read", () => {
  assert.equal(text(0x93, 1, 0xa1, 97, 0xc3), '[1, "a", True]');
  assert.equal(text(0x81, 0xa1, 97, 0xff), '{"a": -1}');
  assert.equal(text(0xc4, 2, 0, 255), "bytes(00 ff)");
  assert.equal(text(0xcf, 255, 255, 255, 255, 255, 255, 255, 255), "18446744073709551615");
  assert.equal(text(0xd3, 128, 0, 0, 0, 0, 0, 0, 0), "-9223372036854775808");
  assert.equal(text(0xd4, 5, 9), "extension 5(09)");
});

test("what says nothing is shown as it is", () => {
  const rows = [
    [],
    [0xc1],
    [0x92, 1],
    [1, 2],
    [0xdd, 255, 255, 255, 255],
    [0xdf, 255, 255, 255, 255],
    [0xdb, 255, 255, 255, 255],
    [0xc6, 128, 0, 0, 0, 1],
    [0xcb, 0],
  ];
  for (const data of rows) {
    assert.equal(text(...data), data.map((b) => b.toString(16).padStart(2, "0")).join(" "));
  }
});

test("depth is bounded", () => {
  assert.match(text(...Array(8000).fill(0x91), 1), /^91 91/);
});

test("quotes and line ends in strings stay inside them", () => {
  assert.equal(text(0xa3, 34, 10, 92), '"\\"\\n\\\\"');
});

test("any bytes give a text, quickly", () => {
  let a = 7;
  const random = () => (a = (a * 48271) % 2147483647);
  for (let i = 0; i < 5000; i++) {
    const data = Uint8Array.from({ length: random() % 60 }, () => random() % 256);
    const out = msgpackText(data);
    assert.equal(typeof out, "string");
    assert.ok(out.length < 40_000);
  }
});
