import assert from "node:assert/strict";
import test from "node:test";
import { bytesAsText, maxContent, parseTyped, sameValue, showValue, tame } from "../../web/page/text/valueinput.js";

test("parseTyped reads what people write", () => {
  const rows = [
    ["str", "", ""],
    ["str", " a\n", " a\n"],
    ["int", " 42 ", 42],
    ["int", "+7", 7],
    ["int", "\u22125", -5],
    ["int", "18446744073709551615", 2n ** 64n - 1n],
    ["int", "-9223372036854775808", -(2n ** 63n)],
    ["float", "3.25", 3.25],
    ["float", ".5", 0.5],
    ["float", "6e23", 6e23],
    ["float", "-inf", -Infinity],
    ["float", "NaN", NaN],
    ["bool", " True ", true],
    ["bool", "false", false],
    ["bytes", "0x4b 61\n64", Uint8Array.of(0x4b, 0x61, 0x64)],
    ["bytes", "", new Uint8Array()],
  ];
  for (const [type, text, want] of rows) {
    assert.deepEqual(parseTyped(type, text), { value: want }, `${type} ${JSON.stringify(text)}`);
  }
});

test("parseTyped says what is wrong with anything else", () => {
  const rows = [
    ["str", "\ud800"],
    ["str", "x".repeat(maxContent + 1)],
    ["str", "ä".repeat(maxContent / 2 + 1)],
    ["int", ""],
    ["int", "1.0"],
    ["int", "1e3"],
    ["int", "0x10"],
    ["int", "1 2"],
    ["int", "١٢"],
    ["int", "18446744073709551616"],
    ["int", "-9223372036854775809"],
    ["float", ""],
    ["float", "1,5"],
    ["float", "1e999"],
    ["float", "."],
    ["float", "constructor"],
    ["float", "__proto__"],
    ["bool", "yes"],
    ["bool", ""],
    ["bool", "1"],
    ["bytes", "abc"],
    ["bytes", "zz"],
    ["bytes", "00".repeat(maxContent + 1)],
  ];
  for (const [type, text] of rows) {
    const { error, value } = parseTyped(type, text);
    assert.equal(value, undefined, `${type} ${text.slice(0, 20)}`);
    assert.match(error ?? "", /^[A-Z].*\.$/, `${type} ${text.slice(0, 20)}`);
  }
});

test("a length of digits that takes long to convert is refused, or quick", () => {
  const began = Date.now();
  assert.ok(parseTyped("int", "9".repeat(50_000)).error);
  assert.ok(Date.now() - began < 2000);
});

test("tame shows what would deceive, and keeps what would not", () => {
  assert.equal(tame("a\u202eb"), "a\\u{202e}b");
  assert.equal(tame("\u0000\u200b\u2028\ufeff"), "\\u{0}\\u{200b}\\u{2028}\\u{feff}");
  assert.equal(tame("one\ntwo\tthree <b> ä 漢"), "one\ntwo\tthree <b> ä 漢");
  assert.equal(tame("👩\u200d🔬"), "👩\u200d🔬");
  assert.equal(tame("a\u200db"), "a\\u{200d}b");
  assert.equal(tame("\ud800"), "\\u{d800}");
});

test("showValue tells types apart", () => {
  const rows = [
    ["float", 1, "1.0"],
    ["float", -0, "-0.0"],
    ["float", NaN, "nan"],
    ["float", -Infinity, "-inf"],
    ["float", 1e300, "1e+300"],
    ["int", 5n, "5"],
    ["bool", true, "true"],
    ["nil", null, ""],
    ["bytes", Uint8Array.of(0, 255), "00 ff"],
    ["list", Uint8Array.of(0x92, 1, 0xc0), "[1, None]"],
    ["other", Uint8Array.of(0xc1), "c1"],
  ];
  for (const [type, value, want] of rows) {
    assert.equal(showValue(type, value), want, type);
  }
});

test("showValue tames the strings of strangers, also those inside lists and maps", () => {
  const list = [0x91, 0xa5, 97, 0xe2, 0x80, 0xae, 98];
  const map = [0x81, 0xa3, 0xef, 0xbb, 0xbf, 0xa2, 0xc2, 0x85];
  assert.equal(showValue("str", "a\u202eb"), "a\\u{202e}b");
  assert.equal(showValue("list", Uint8Array.from(list)), '["a\\u{202e}b"]');
  assert.equal(showValue("map", Uint8Array.from(map)), '{"": "\\u{85}"}');
});

test("bytesAsText reads only what is plain text", () => {
  assert.equal(bytesAsText(new TextEncoder().encode("plain")), "plain");
  for (const data of [[], [0xff], [0xed, 0xa0, 0x80], [0], [0xe2, 0x80, 0xae]]) {
    assert.equal(bytesAsText(Uint8Array.from(data)), null, String(data));
  }
});

test("sameValue compares types and content", () => {
  assert.equal(sameValue("int", 5, "int", 5n), true);
  assert.equal(sameValue("int", 1, "float", 1), false);
  assert.equal(sameValue("bytes", Uint8Array.of(1), "bytes", Uint8Array.of(1)), true);
  assert.equal(sameValue("bytes", Uint8Array.of(1), "bytes", Uint8Array.of(1, 2)), false);
  assert.equal(sameValue("float", NaN, "float", NaN), true);
});
