import assert from "node:assert/strict";
import test from "node:test";
import { Connections } from "../../web/kadmesh.direct.js";
import { listed } from "../../web/page/paths.js";

/** A peer connection that does nothing by itself. */
class FakeConnection extends EventTarget {
  static last;
  iceGatheringState = "gathering";
  localDescription = { sdp: "own" };
  channel = {};

  constructor() {
    super();
    FakeConnection.last = this;
  }

  createDataChannel() {
    return this.channel;
  }

  async setLocalDescription() {}

  close() {
    this.closed = true;
  }

  found(candidate) {
    this.dispatchEvent(Object.assign(new Event("icecandidate"), { candidate }));
  }

  complete() {
    this.iceGatheringState = "complete";
    this.dispatchEvent(new Event("icegatheringstatechange"));
  }
}

/** The page's end with one connection: how often it has told the core what, and a way to have messages come. */
function connected(t, gather = false) {
  const clock = { now: 0 };
  const told = { described: 0, received: 0, ended: 0 };
  const port = { postMessage: ([verb]) => told[verb]++, close() {} };
  globalThis.RTCPeerConnection = FakeConnection;
  t.after(() => delete globalThis.RTCPeerConnection);
  t.mock.method(performance, "now", () => clock.now);
  new Connections(port, [], gather);
  port.onmessage({ data: ["start", 1, ""] });
  const connection = FakeConnection.last;
  let taken = 0;
  /** Has n messages come within so many milliseconds, of which the core takes each. */
  const come = (n, message, within) => {
    for (let i = 0; i < n; i++) {
      clock.now += within / n;
      connection.channel.onmessage?.({ data: typeof message === "string" ? message : Uint8Array.from(message).buffer });
      port.onmessage({ data: ["taken", 0, told.received - taken] });
      taken = told.received;
    }
  };
  return { connection, told, come };
}

const [datagram, answer, probe, echo] = [[0, 1, 2, 3, 4, 5], [1], [2, 0, 0, 0, 1], [3, 0, 0, 0, 1]];

test("a channel that brings more than anybody honest sends is ended", (t) => {
  for (const [name, message, most] of [
    ["datagrams", datagram, 4000], ["answers", answer, 4000], ["echoes", echo, 4000], ["probes", probe, 100],
    ["of no kind", [4, 0, 0, 0, 1], 256], ["long probes", [...probe, 0], 256], ["short echoes", [3], 256], ["empty ones", [], 256], ["text", "text", 256],
    ["too long", Array(9 * 1024 + 1).fill(0), 256],
  ]) {
    const { connection, told, come } = connected(t);
    come(most, message, 900);
    assert.equal(told.ended, 0, `${most} ${name} in a second`);
    come(1, message, 50);
    assert.equal(told.ended, 1, `one more of ${name}`);
    come(most, message, 3000);
    assert.equal(told.ended, 1, `${name} after the end`);
    assert.ok(connection.closed);
    assert.ok(told.received <= most, `${told.received} of ${name} for the core`);
    t.mock.restoreAll();
  }
});

test("a channel that is busy for long is not ended", (t) => {
  const { connection, told, come } = connected(t);
  for (let second = 0; second < 20; second++) {
    come(10, probe, 0);
    come(100, echo, 0);
    come(200, [77], 0);
    come(1000, datagram, 500);
    // The longest answers at full speed, each third with a probe behind it.
    for (let i = 0; i < 300; i++) {
      come(3, answer, 1.6);
      come(1, probe, 0);
    }
    come(1, datagram, 30);
  }
  assert.equal(told.ended, 0);
  assert.equal(connection.closed, undefined);
});

test("an own description waits for one public address, all addresses, or half a second", async (t) => {
  const described = async (happens) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const { connection, told } = connected(t, true);
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    await turn();
    connection.found({ type: "host" });
    connection.found(null);
    t.mock.timers.tick(499);
    await turn();
    assert.equal(told.described, 0, "nothing has happened yet");
    happens(connection);
    await turn();
    assert.equal(told.described, 1, String(happens));
    t.mock.restoreAll();
    t.mock.timers.reset();
  };
  await described((connection) => connection.found({ type: "srflx" }));
  await described((connection) => connection.complete());
  await described(() => t.mock.timers.tick(1));
});

test("peers that are not reached directly are listed as well", () => {
  const peer = (path, n, more) => ({ id: n.toString(16).padStart(40, "0"), path, rtt: null, state: "open", ...more });
  const direct = Array.from({ length: 12 }, (_, i) => peer("direct", i, { rtt: 12 - i }));
  const others = ["idle", "idle", "idle", "backing off", "offering", "answering"].map((state, i) => peer("relay", 20 + i, { state }));
  const shown = listed([...others, ...direct]);
  assert.deepEqual(shown.map(({ path }) => path), [...Array(8).fill("direct"), ...Array(4).fill("relay")]);
  assert.deepEqual(shown.slice(0, 8).map(({ rtt }) => rtt), [1, 2, 3, 4, 5, 6, 7, 8]);
  assert.deepEqual(shown.slice(8).map(({ state }) => state), ["answering", "offering", "backing off", "idle"]);
  assert.deepEqual(listed(others.slice(0, 2)), others.slice(0, 2));
  assert.deepEqual(listed([]), []);
  const unmeasured = peer("direct", 30);
  assert.equal(listed([unmeasured, ...direct.slice(0, 3)]).at(-1), unmeasured);
});
