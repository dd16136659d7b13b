import assert from "node:assert/strict";
import test from "node:test";
import { Connections, Links } from "../../web/kadmesh/kadmesh.direct.js";
import { listed } from "../../web/page/panels/paths.js";

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

/** The page's end with one connection: its messages to the core, counted by verb, and a way to have messages come. */
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
  /** Has n messages come within so many milliseconds. The core takes each of them. */
  const come = (n, message, within) => {
    for (let i = 0; i < n; i++) {
      clock.now += within / n;
      connection.channel.onmessage?.({
        data: typeof message === "string" ? message : Uint8Array.from(message).buffer,
      });
      port.onmessage({ data: ["taken", 0, told.received - taken] });
      taken = told.received;
    }
  };
  return { connection, told, come };
}

const [datagram, answer, probe, echo] = [[0, 1, 2, 3, 4, 5], [1], [2, 0, 0, 0, 1], [3, 0, 0, 0, 1]];

test("a channel that brings more than anybody honest sends is ended", (t) => {
  for (const [name, message, most] of [
    ["datagrams", datagram, 4000],
    ["answers", answer, 4000],
    ["echoes", echo, 4000],
    ["probes", probe, 100],
    ["of no kind", [4, 0, 0, 0, 1], 256],
    ["long probes", [...probe, 0], 256],
    ["short echoes", [3], 256],
    ["empty ones", [], 256],
    ["text", "text", 256],
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
  const others = ["idle", "idle", "idle", "backing off", "offering", "answering"].map((state, i) =>
    peer("relay", 20 + i, { state }),
  );
  const shown = listed([...others, ...direct]);
  assert.deepEqual(
    shown.map(({ path }) => path),
    [...Array(8).fill("direct"), ...Array(4).fill("relay")],
  );
  assert.deepEqual(
    shown.slice(0, 8).map(({ rtt }) => rtt),
    [1, 2, 3, 4, 5, 6, 7, 8],
  );
  assert.deepEqual(
    shown.slice(8).map(({ state }) => state),
    ["answering", "offering", "backing off", "idle"],
  );
  assert.deepEqual(listed(others.slice(0, 2)), others.slice(0, 2));
  assert.deepEqual(listed([]), []);
  const unmeasured = peer("direct", 30);
  assert.equal(listed([unmeasured, ...direct.slice(0, 3)]).at(-1), unmeasured);
});

/** Both ends of a port, with an open channel. told counts messages to the core; after turn() all have come. */
function joined(t) {
  globalThis.RTCPeerConnection = FakeConnection;
  const { port1, port2 } = new MessageChannel();
  const connections = new Connections(port1, [], false);
  const links = new Links(port2);
  t.after(() => {
    links.close();
    connections.close();
    delete globalThis.RTCPeerConnection;
  });
  const told = { received: 0 };
  links.ondescribed = links.onopened = links.onended = () => {};
  links.onreceived = () => told.received++;
  links.start(1, "");
  const turn = async () => {
    for (let i = 0; i < 20; i++) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { links, told, turn };
}

test("what the core takes makes room for more", async (t) => {
  const { told, turn } = joined(t);
  await turn();
  const { channel } = FakeConnection.last;
  const clock = { now: 0 };
  t.mock.method(performance, "now", () => clock.now);
  for (let batch = 1; batch <= 10; batch++, clock.now += 1000) {
    for (let i = 0; i < 300; i++) {
      channel.onmessage({ data: Uint8Array.of(0, 1, 2).buffer });
    }
    for (let i = 0; i < 100 && told.received < 300 * batch; i++) {
      await turn();
    }
  }
  assert.equal(told.received, 3000);
});

test("no more is on its way to the core than it may be, nor in the browser", async (t) => {
  const { connection, told } = connected(t);
  for (let i = 0; i < 2000; i++) {
    connection.channel.onmessage({ data: Uint8Array.of(0, 1, 2).buffer });
  }
  assert.equal(told.received, 1024);

  const { links, turn } = joined(t);
  await turn();
  FakeConnection.last.channel.send = () => {};
  FakeConnection.last.channel.bufferedAmount = 1 << 20; // none of it goes out
  FakeConnection.last.channel.onopen();
  await turn();
  let sent = 0;
  while (sent < 1000 && links.send(1, new Uint8Array(8192), 8192)) {
    sent++;
  }
  assert.equal(sent, 32);
});
