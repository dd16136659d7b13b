// kadmesh.values.js and kadmesh.options.js, without a node.

import assert from "node:assert/strict";
import { test } from "node:test";
import { runInNewContext } from "node:vm";
import { originHint, ValueError } from "../../web/kadmesh/kadmesh.errors.js";
import { changeArguments, check, getArguments } from "../../web/kadmesh/kadmesh.options.js";
import { decode, encode, textOf } from "../../web/kadmesh/kadmesh.values.js";

const text = (bytes) => new TextDecoder().decode(bytes);

test("the options of operations are checked", () => {
  assert.deepEqual(changeArguments(undefined), [0, 0]);
  assert.deepEqual(changeArguments({ ttl: 60_000, ifVersion: 7 }), [60_000, 7]);
  assert.deepEqual(changeArguments({ ifVersion: "none" }), [0, -1]);
  assert.deepEqual(getArguments(undefined), [0, 0]);
  assert.deepEqual(getArguments({ quorum: 2, maxAge: 1000 }), [2, 1000]);
  for (const ttl of [0, 999, -1, 7 * 24 * 3600_000 + 1, 1500.5, "1h", null, NaN]) {
    assert.throws(() => changeArguments({ ttl }), /^ValueError: option ttl: want milliseconds/, String(ttl));
  }
  for (const ifVersion of [0, -1, 1.5, "any", "7", 7n, null]) {
    assert.throws(() => changeArguments({ ifVersion }), /^ValueError: option ifVersion: want a version/);
  }
  for (const options of [{ quorum: 0 }, { quorum: 1.5 }, { maxAge: -1 }, { maxAge: "1m" }]) {
    assert.throws(() => getArguments(options), ValueError);
  }
});

test("encode chooses the type by the value", () => {
  const rows = [
    ["", "str", ""],
    ["grüß 👋", "str", "grüß 👋"],
    ["\uFEFFmarked", "str", "\uFEFFmarked"],
    [true, "bool", "true"],
    [false, "bool", "false"],
    [0, "int", "0"],
    [-1, "int", "-1"],
    [Number.MAX_SAFE_INTEGER, "int", "9007199254740991"],
    [2 ** 53, "float", "9007199254740992"],
    [-0, "float", "-0"],
    [0.1, "float", "0.1"],
    [1e21, "float", "1e+21"],
    [NaN, "float", "NaN"],
    [Infinity, "float", "Infinity"],
    [-(2n ** 63n), "int", "-9223372036854775808"],
    [2n ** 64n - 1n, "int", "18446744073709551615"],
  ];
  for (const [value, type, wire] of rows) {
    const got = encode(value);
    assert.equal(got[0], type, `type of ${String(value)}`);
    assert.deepEqual(new TextDecoder("utf-8", { ignoreBOM: true }).decode(got[1]), wire);
  }
});

test("encode takes a type that fits", () => {
  assert.deepEqual(encode(1, "float").map(String), ["float", "49"]);
  assert.equal(encode(1n, "int")[0], "int");
});

test("encode copies bytes, from wherever they are", () => {
  const own = new Uint8Array([1, 2, 3]);
  const [, copy] = encode(own.subarray(1));
  own.fill(0);
  assert.deepEqual(copy, new Uint8Array([2, 3]));
  assert.equal(copy.buffer.byteLength, 2);
  for (const bytes of [
    Buffer.from([7]),
    new Uint8Array(new SharedArrayBuffer(1)),
    runInNewContext("new Uint8Array(1)"),
  ]) {
    const [type, { length }] = encode(bytes);
    assert.deepEqual([type, length], ["bytes", 1]);
  }
});

test("encode refuses what the network cannot carry", () => {
  const rows = [
    [undefined],
    [null],
    [{}],
    [[]],
    [() => {}],
    [Symbol("s")],
    [new Date()],
    [new Number(1)],
    [new ArrayBuffer(1)],
    [new Uint16Array(1)],
    [new Uint8ClampedArray(1)],
    [{ [Symbol.toStringTag]: "Uint8Array" }],
    [Object.create(null)],
    ["half \uD800"],
    ["\uDC00\uD800"],
    [2n ** 64n],
    [-(2n ** 63n) - 1n],
    [1.5, "int"],
    [2 ** 53, "int"],
    [-0, "int"],
    [NaN, "int"],
    [1n, "float"],
    ["1", "int"],
    [1, "str"],
    [1, "nil"],
    [1, "constructor"],
    [1, {}],
  ];
  for (const [value, type] of rows) {
    assert.throws(() => encode(value, type), ValueError, `${typeof value} as ${String(type)}`);
  }
});

test("textOf takes strings that UTF-8 can carry", () => {
  assert.equal(textOf("key", "\0 👋"), "\0 👋");
  for (const key of [1, null, undefined, Symbol("s"), {}, new String("s"), "\uD83D"]) {
    assert.throws(() => textOf("key", key), /^ValueError: key/);
  }
});

test("decode is the way back, with numbers where they are exact", () => {
  const rows = [
    ["int", "9007199254740991", 9007199254740991],
    ["int", "9007199254740992", 9007199254740992n],
    ["int", "-9007199254740993", -9007199254740993n],
    ["float", "+Inf", Infinity],
    ["float", "-Inf", -Infinity],
    ["float", "NaN", NaN],
    ["float", "-0", -0],
    ["float", "1e+21", 1e21],
    ["bool", "true", true],
    ["bool", "false", false],
    ["str", "\uFEFFmarked", "\uFEFFmarked"],
  ];
  for (const [type, wire, value] of rows) {
    assert.ok(Object.is(decode(type, new TextEncoder().encode(wire)), value), `${type} ${wire}`);
  }
  const raw = new Uint8Array([0x92, 1, 2]);
  assert.deepEqual(decode("list", raw), raw);
  assert.equal(decode("str", new Uint8Array([0xff])), "\uFFFD");
});

test("options that make no sense are refused, by name", () => {
  const relay = "wss://relay.example.org";
  const rows = [
    [null, /options/],
    [{}, /option relay: want the URL/],
    [{ relay: [] }, /option relay: the list is empty/],
    [{ relay: "relay" }, /option relay: "relay" is no URL/],
    [{ relay: "/relay" }, /option relay: "\/relay" is no URL/],
    [{ relay: "://" }, /option relay: ":\/\/" is no URL/],
    [{ relay: "wss://relay.example.org/#x" }, /option relay: .* has a fragment/],
    [{ relay: 5 }, /option relay: 5 is no URL/],
    [{ relay: null }, /option relay: null is no URL/],
    [{ relay: [relay, undefined] }, /option relay: undefined is no URL/],
    [{ relay: "ftp://relay.example.org" }, /option relay: ftp:.* must start with wss:/],
    [{ relay, relays: [] }, /no option relays: there are relay, /],
    [{ relay, bootstrap: "192.0.2.1:8468" }, /option bootstrap: want an array/],
    ...[
      "192.0.2.1",
      "192.0.2.256:1",
      "192.0.2:1",
      "01.2.3.4:5",
      "node.example.org:1",
      "[::1]:0",
      "[::1]:65536",
      "[:::1]:1",
      "::1:1",
      "[1.2.3.4]:1",
      " 1.2.3.4:1",
      5,
      null,
    ].map((address) => [{ relay, bootstrap: [address] }, /option bootstrap: .* is no address/]),
    [{ relay, token: 5 }, /option token/],
    [{ relay, token: "é".repeat(128) }, /option token: .*255 bytes/],
    [{ relay, storage: true }, /option storage/],
    [{ relay, storage: "" }, /option storage/],
    ...[0, -1, 1.5, NaN, "20", 2 ** 53, 20n, null].flatMap((n) =>
      ["k", "alpha", "storeBytes"].map((name) => [
        { relay, [name]: n },
        new RegExp(`option ${name}: want a whole number`),
      ]),
    ),
    [{ relay, wasm: "kadmesh.wasm" }, /option wasm: "kadmesh.wasm" is no URL/],
    [{ relay, wasm: {} }, /option wasm: \[object Object\] is no URL/],
    [{ relay, worker: 1 }, /option worker: want true or false, not 1/],
    ...["wan", true, null].map((direct) => [
      { relay, direct },
      /option direct: want one of "relay-only", "direct", "lan", not /,
    ]),
    ...["stun:127.0.0.1", {}, null, [null], ["stun:127.0.0.1"]].map((iceServers) => [
      { relay, iceServers },
      /option iceServers: want an array of RTCIceServer, not /,
    ]),
    [{ relay, signal: {} }, /option signal: want an AbortSignal/],
    [{ relay, onprogress: "x" }, /option onprogress: want a function, not "x"/],
  ];
  for (const [options, message] of rows) {
    assert.throws(
      () => check(options),
      (error) => error instanceof ValueError && message.test(error.message),
      `${JSON.stringify(options, (_, v) => (typeof v === "bigint" ? `${v}n` : v))}`,
    );
  }
});

test("options that make sense are passed on, with defaults", () => {
  const { wasm, ...rest } = check({ relay: new URL("wss://relay.example.org"), token: undefined });
  assert.match(wasm, /^file:.*\/kadmesh\.wasm$/);
  assert.deepEqual(rest, {
    relays: ["wss://relay.example.org/"],
    bootstrap: [],
    token: "",
    storage: "kadmesh",
    storeBytes: 16777216,
    direct: "relay-only",
    network: "",
    k: 0,
    alpha: 3,
  });
  const given = check({
    relay: ["ws://a", "https://b/relay"],
    bootstrap: ["192.0.2.1:8468", "[2001:DB8::1]:1", "[::ffff:192.0.2.1]:65535"],
    storage: false,
    wasm: new URL("https://cdn.example.org/k.wasm"),
  });
  assert.deepEqual(given.relays, ["ws://a/", "https://b/relay"]);
  assert.equal(given.bootstrap.length, 3);
  assert.equal(given.storage, "");
  assert.equal(given.wasm, "https://cdn.example.org/k.wasm");
});

test("a relay elsewhere may not allow the page's origin", () => {
  const page = "https://your.site";
  assert.equal(originHint(["wss://your.site/relay", "https://your.site/"], page), "");
  assert.equal(originHint(["wss://relay.example.org/"], undefined), "");
  for (const relay of ["wss://relay.example.org/", "ws://your.site/", "wss://your.site:8443/"]) {
    assert.match(originHint([relay], page), /--allow-origin https:\/\/your\.site\)/, relay);
  }
});
