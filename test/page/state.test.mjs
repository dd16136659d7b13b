import assert from "node:assert/strict";
import test from "node:test";
import { countdown, hostOf, State } from "../../web/page/model/state.js";

const url = "wss://relay.example/relay";
const connected = { state: "connected", url, address: "192.0.2.1:5", resumed: false, reason: "", retryIn: 0 };
const lost = { ...connected, state: "lost", address: "", reason: `${url}: connection broken`, retryIn: 3000 };
const contact = { id: "0".repeat(40), place: "bucket" };
const stats = { served: { ping: 2 }, recordBytes: 10 };

/** A node that is connected and knows somebody. */
function running() {
  const state = new State();
  state.take("node", { id: "0".repeat(40), storeBytes: 1000, k: 20 }, 0);
  state.take("relay", connected, 0);
  state.take("table", { entries: [contact] }, 0);
  return state;
}

/** Takes in events [type, event, now], then tells the message's key at the time now. */
function keyAfter(now, ...events) {
  const state = running();
  events.forEach(([type, event, at = 0]) => state.take(type, event, at));
  return state.message(now).key;
}

test("each condition has its message", () => {
  assert.equal(keyAfter(1), "ok");
  assert.equal(keyAfter(1, ["table", { entries: [] }]), "alone");
  assert.equal(keyAfter(1, ["table", { entries: [{ ...contact, place: "replacement" }] }]), "alone");
  assert.equal(keyAfter(1, ["network", { online: false }]), "offline");
  assert.equal(keyAfter(1, ["relay", lost]), "lost");
  assert.equal(keyAfter(1, ["relay", lost], ["relay", { ...lost, state: "connecting" }]), "lost");
  assert.equal(keyAfter(1, ["relay", { ...lost, state: "refused" }]), "refused");
  assert.equal(
    keyAfter(1, ["relay", { ...lost, relayCode: "full" }], ["relay", { ...lost, state: "connecting" }]),
    "refused",
  );
  assert.equal(keyAfter(1, ["relay", { ...lost, relayCode: "full" }], ["relay", lost]), "lost");
  assert.equal(keyAfter(1, ["stats", { stats: { ...stats, recordBytes: 990 } }]), "full");
  assert.equal(keyAfter(1, ["record", { change: "refused" }]), "full");
  assert.equal(keyAfter(61_000, ["record", { change: "refused" }]), "ok");
  assert.equal(keyAfter(1, ["stopped", { reason: "" }]), "ok");
  assert.equal(keyAfter(1, ["stopped", { reason: "out of memory" }]), "ended");
  assert.equal(keyAfter(1, ["unknown", {}]), "ok");
});

test("a relay that is back says whether the address is the same, for a while", () => {
  assert.equal(keyAfter(1, ["relay", lost], ["relay", { ...connected, resumed: true }]), "resumed");
  assert.equal(keyAfter(1, ["relay", lost], ["relay", { ...connected, address: "192.0.2.1:6" }]), "readdressed");
  assert.equal(keyAfter(1, ["relay", lost], ["relay", { ...connected, url: "wss://other.example/" }]), "moved");
  assert.equal(keyAfter(20_001, ["relay", lost], ["relay", connected]), "ok");
});

test("the reason is told without the URL, and the next try is counted down", () => {
  const state = running();
  state.take("relay", lost, 1000);
  const message = state.message(1500);
  assert.equal(message.words, "The relay is lost: connection broken.");
  assert.equal(countdown(message, 1500), "Next try in 3 s.");
  assert.equal(countdown(message, 4001), "Trying now.");
  assert.equal(countdown({ retryAt: 0 }, 0), "");
});

test("a relay that refuses is not said to return, and says little", () => {
  const state = running();
  for (const relayCode of ["token", "full", "per-ip", "replaced", "version"]) {
    state.take("relay", { ...lost, relayCode }, 0);
    assert.doesNotMatch(state.message(1).advice, /by itself/, relayCode);
  }
  state.take("relay", { ...lost, reason: "x".repeat(512) }, 0);
  assert.ok(state.message(1).words.length < 160, state.message(1).words);
});

test("a page that was hidden for long says what went on", () => {
  const state = running();
  state.take("stats", { stats }, 0);
  state.take("visible", { visible: false }, 0);
  state.take("visible", { visible: true }, 60_000);
  state.take("stats", { stats: { ...stats, served: { ping: 5, store: 1 } } }, 60_100);
  assert.match(state.message(60_200).advice, /answered 4 requests/);
});

test("a new node forgets the last one, but not the network", () => {
  const state = running();
  state.take("stopped", { reason: "x" }, 0);
  state.take("network", { online: false }, 0);
  state.take("node", { id: "1".repeat(40), storeBytes: 1000, k: 20 }, 0);
  assert.equal(state.message(1).key, "offline");
  state.take("network", { online: true }, 0);
  assert.equal(state.message(1).key, "begun");
});

test("hostOf takes anything", () => {
  assert.equal(hostOf(url), "relay.example");
  assert.equal(hostOf("nonsense"), "nonsense");
  assert.equal(hostOf(""), "the relay");
});
