// Direct paths: docs/webrtc.md. RTCPeerConnection exists on the page alone, so the
// connections are there, in a Connections; the core has a Links at the other end of
// a port. Messages are [verb, number of the channel, detail].

/** How many bytes may wait to be sent over a channel; beyond, it takes no more. */
const maxWaiting = 256 * 1024;
/** The page says so when that many have been sent, if little is left. */
const sayAfter = 64 * 1024;
const littleLeft = 64 * 1024;

/** How long a message is at most: longer ones are none of ours. */
const maxMessage = 9 * 1024;
/** How long a probe and an echo are. */
const probeSize = 5;
/** How many messages may be on their way to the core; beyond, they are lost. */
const maxComing = 1024;
/** The core says so when it has taken that many. */
const sayTaken = 128;

/**
 * What may come over one channel in a second, as each message is a task for the page:
 * all, those that are neither a datagram nor a probe nor an echo, and probes. There
 * may be a further probe for each datagram: who sends a lot has one after three.
 */
const mostMessages = 4000;
const mostOdd = 256;
const mostProbes = 100;

/** How long to gather candidates at most, in milliseconds: a STUN server may be out of reach. */
const gatherFor = 500;

/** Whether there can be direct paths; throws if there can, but not with these servers. */
export function directPossible(iceServers) {
  if (!globalThis.RTCPeerConnection) {
    return false;
  }
  try {
    new RTCPeerConnection({ iceServers }).close();
    return true;
  } catch (error) {
    if (iceServers.length && directPossible([])) {
      throw error;
    }
    return false; // a policy forbids it
  }
}

/** The core's end: transport/webrtc/wrap_js.go says what is called, and what is set. */
export class Links {
  constructor(port) {
    this.port = port;
    this.waiting = new Map(); // bytes under way, by open channel
    this.taken = 0; // messages that the page has not been told of
    port.onmessage = ({ data: [verb, ch, detail] }) => this.hear(verb, ch, detail);
  }

  hear(verb, ch, detail) {
    switch (verb) {
      case "described":
        this.ondescribed(ch, detail);
        break;
      case "opened":
        this.waiting.set(ch, 0);
        this.onopened(ch, null);
        break;
      case "received":
        if (++this.taken >= sayTaken) {
          this.port.postMessage(["taken", 0, this.taken]);
          this.taken = 0;
        }
        this.onreceived(ch, new Uint8Array(detail));
        break;
      case "sent":
        if (this.waiting.has(ch)) {
          this.waiting.set(ch, this.waiting.get(ch) - detail);
        }
        break;
      case "ended":
        this.waiting.delete(ch);
        this.onended(ch, null);
    }
  }

  start(ch, sdp) {
    this.port.postMessage(["start", ch, sdp]);
  }

  accept(ch, sdp) {
    this.port.postMessage(["accept", ch, sdp]);
  }

  send(ch, bytes, n) {
    const waiting = this.waiting.get(ch);
    if (waiting === undefined || waiting + n > maxWaiting) {
      return false;
    }
    this.waiting.set(ch, waiting + n);
    const { buffer } = bytes.slice(0, n);
    this.port.postMessage(["send", ch, buffer], [buffer]);
    return true;
  }

  stop(ch) {
    this.waiting.delete(ch);
    this.port.postMessage(["stop", ch, null]);
  }

  close() {
    this.waiting.clear();
    this.port.postMessage(["close", 0, null]);
    this.port.close();
  }
}

/** The page's end. */
export class Connections {
  #port;
  #iceServers;
  #gather;
  #links = new Map(); // by number of the channel
  #coming = 0; // messages on their way to the core

  /** If gather is false, no candidate is told, so none is waited for. */
  constructor(port, iceServers, gather) {
    this.#port = port;
    this.#iceServers = iceServers;
    this.#gather = gather;
    port.onmessage = ({ data: [verb, ch, detail] }) => this.#hear(verb, ch, detail);
  }

  #hear(verb, ch, detail) {
    const link = this.#links.get(ch);
    switch (verb) {
      case "start":
        this.#start(ch, detail);
        break;
      case "accept":
        link?.accept(detail).catch(() => this.#end(ch));
        break;
      case "send":
        link?.send(detail);
        break;
      case "taken":
        this.#coming -= detail;
        break;
      case "stop":
        this.#links.delete(ch);
        link?.close();
        break;
      case "close":
        this.close();
    }
  }

  async #start(ch, sdp) {
    try {
      const link = new Link(
        { iceServers: this.#iceServers },
        {
          opened: () => this.#tell(ch, "opened", null),
          received: (data) => this.#received(ch, data),
          sent: (bytes) => this.#tell(ch, "sent", bytes),
          ended: () => this.#end(ch),
        },
      );
      this.#links.set(ch, link);
      this.#tell(ch, "described", await link.describe(sdp, this.#gather));
    } catch {
      this.#end(ch); // the browser wants no more of them, say
    }
  }

  #received(ch, data) {
    if (
      data instanceof ArrayBuffer &&
      data.byteLength <= maxMessage &&
      this.#coming < maxComing &&
      this.#links.has(ch)
    ) {
      this.#coming++;
      this.#tell(ch, "received", data, [data]);
    }
  }

  /** Tells of a channel that the core has not stopped meanwhile. */
  #tell(ch, verb, detail, transfer = []) {
    if (this.#links.has(ch)) {
      this.#port.postMessage([verb, ch, detail], transfer);
    }
  }

  #end(ch) {
    this.#links.get(ch)?.close();
    this.#links.delete(ch);
    this.#port.postMessage(["ended", ch, null]);
  }

  close() {
    this.#links.forEach((link) => link.close());
    this.#links.clear();
    this.#port.close();
  }
}

/** What has come over one channel in the present second. */
class Rate {
  #since = -Infinity;

  /** Counts a message, and tells whether it is one too many. */
  exceeded(now, data) {
    if (now - this.#since >= 1000) {
      this.#since = now;
      Object.assign(this, { messages: 0, datagrams: 0, probes: 0, echoes: 0, odd: 0 });
    }
    this.messages++;
    this[kindOf(data)]++;
    return this.messages > mostMessages || this.odd > mostOdd || this.probes > mostProbes + this.datagrams;
  }
}

/** What a message is, by its first byte: docs/webrtc.md, "On a channel". */
function kindOf(data) {
  const size = data instanceof ArrayBuffer ? data.byteLength : 0;
  const kind = size && ["datagrams", "datagrams", "probes", "echoes"][new Uint8Array(data, 0, 1)[0]];
  const fits = kind === "datagrams" ? size <= maxMessage : size === probeSize;
  return kind && fits ? kind : "odd";
}

/** One connection with its data channel. */
class Link {
  #sent = 0; // bytes that the core has not been told of
  #rate = new Rate();

  constructor(configuration, tell) {
    this.tell = tell;
    this.connection = new RTCPeerConnection(configuration);
    this.channel = this.connection.createDataChannel("kadmesh", {
      negotiated: true,
      id: 0,
      ordered: false,
      maxRetransmits: 0,
    });
    this.channel.binaryType = "arraybuffer";
    this.channel.bufferedAmountLowThreshold = littleLeft;
    this.channel.onopen = () => tell.opened();
    this.channel.onmessage = ({ data }) =>
      this.#rate.exceeded(performance.now(), data) ? tell.ended() : tell.received(data);
    this.channel.onbufferedamountlow = () => this.#say();
    this.channel.onclose = () => tell.ended();
    this.connection.ondatachannel = () => tell.ended(); // there is to be one, no more
    this.connection.onconnectionstatechange = () => this.connection.connectionState === "failed" && tell.ended();
  }

  /** The own description: an offer, or the answer to the offer in sdp. */
  async describe(sdp, gather) {
    if (sdp) {
      await this.connection.setRemoteDescription({ type: "offer", sdp });
    }
    await this.connection.setLocalDescription();
    if (gather) {
      await this.#gathered();
    }
    return this.connection.localDescription.sdp;
  }

  /** Resolves when a server has told the public address, all candidates are known, or it takes too long. */
  #gathered() {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, gatherFor);
      const look = ({ candidate }) => {
        if (candidate?.type === "srflx" || this.connection.iceGatheringState === "complete") {
          clearTimeout(timer);
          resolve();
        }
      };
      this.connection.addEventListener("icecandidate", look);
      this.connection.addEventListener("icegatheringstatechange", look);
      look({});
    });
  }

  accept(sdp) {
    return this.connection.setRemoteDescription({ type: "answer", sdp });
  }

  send(buffer) {
    const { byteLength } = buffer;
    try {
      this.channel.send(buffer);
    } catch {
      this.tell.ended(); // it is closing
    }
    this.#sent += byteLength;
    if (this.#sent >= sayAfter && this.channel.bufferedAmount <= littleLeft) {
      this.#say();
    }
  }

  #say() {
    if (this.#sent) {
      this.tell.sent(this.#sent);
      this.#sent = 0;
    }
  }

  close() {
    this.channel.onclose = this.channel.onmessage = null;
    this.connection.close();
  }
}
