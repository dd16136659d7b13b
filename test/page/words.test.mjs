import assert from "node:assert/strict";
import test from "node:test";
import { explain, explainStart, missing } from "../../web/page/text/errors.js";
import { OtherTabs } from "../../web/page/model/othertabs.js";

const codes = [
  "not-found",
  "no-answer",
  "not-stored",
  "value",
  "relay",
  "stopped",
  "unsupported",
  "failed",
  "load",
  undefined,
];

test("every error has words and says what to do", () => {
  for (const code of codes) {
    const error = Object.assign(new Error("went wrong"), { code });
    for (const { words, advice } of [explain(error, "k"), explainStart(error, "relay.example")]) {
      assert.match(words, /[.!?]$/, String(code));
      assert.match(advice, /^[A-Z].*\.$/, String(code));
    }
  }
  assert.equal(explain(new DOMException("", "AbortError"), "k").words, "Given up.");
  assert.ok(explain(undefined, "k").words);
});

test("a relay's refusal has advice of its own", () => {
  const error = Object.assign(new Error("relay: members only (code 3)"), { code: "relay", relayCode: "token" });
  assert.match(explainStart(error, "relay.example").advice, /token|give you one/);
  assert.doesNotMatch(explainStart(error, "relay.example").advice, /WebSocket/);
  assert.match(explainStart({ ...error, relayCode: "slow", message: "x" }, "relay.example").advice, /WebSocket/);
  assert.ok(explainStart({ code: "relay", message: "x".repeat(512) }, "relay.example").words.length < 180);
});

test("keys and messages cannot deceive", () => {
  assert.ok(!explain({ code: "not-found" }, "a\u202eb").words.includes("\u202e"));
  assert.ok(!explain(new Error("x\u0007"), "k").words.includes("\u0007"));
});

test("missing names what a browser lacks", () => {
  const all = { WebAssembly: {}, WebSocket: {}, Worker: {}, BigInt, crypto: {} };
  assert.equal(missing(all), "");
  assert.equal(missing({ ...all, WebAssembly: undefined }), "it has no WebAssembly");
});

test("tabs hear of each other, and believe nothing odd", () => {
  const channel = new EventTarget();
  const said = [];
  channel.postMessage = (message) => said.push(message);
  const hear = (data) => channel.dispatchEvent(Object.assign(new Event("message"), { data }));
  let others = [];
  const tabs = new OtherTabs((list) => (others = list), channel);
  hear({ kind: "here", id: "early" });
  tabs.join("me");
  hear({ kind: "ask", id: "you" });
  for (const odd of [null, 5, {}, { kind: "here" }, { kind: "here", id: {} }, { kind: "here", id: "me" }]) {
    hear(odd);
  }
  assert.deepEqual(others, ["you"]);
  assert.deepEqual(
    said.map((m) => m.kind),
    ["ask", "here"],
  );
  for (let i = 0; i < 200; i++) {
    hear({ kind: "here", id: `n${i}` });
  }
  assert.equal(others.length, 64);
  hear({ kind: "gone", id: "you" });
  assert.ok(!others.includes("you"));
  tabs.leave();
  assert.deepEqual(others, []);
});
