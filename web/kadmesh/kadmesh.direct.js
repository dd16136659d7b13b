// Direct paths: docs/webrtc.md. RTCPeerConnection exists on the page alone, so the page
// has the connections, in Connections. The core has Links, at the other end of a port.

/**
 * A message over the port: a verb, the number of the channel (0 for all), and a detail.
 *
 * @typedef {[verb: string, channel: number, detail: any]} Message
 */

/** How many bytes may wait to be sent over a channel. Beyond, the channel takes no more. */
const maxWaiting = 256 * 1024;
/** How many bytes the page sends before it tells the core so. */
const tellAfter = 64 * 1024;
/** How many bytes may be left in the browser at that time. */
const littleLeft = 64 * 1024;

/** The longest message, in bytes. Longer messages come from no node. */
const maxMessage = 9 * 1024;
/** The length of a probe and of an echo, in bytes. */
const probeSize = 5;
/** How many messages may be on their way to the core. Further messages are lost. */
const maxComing = 1024;
/** How many messages the core takes before it tells the page so. */
const tellTaken = 128;

/**
 * The most messages over one channel in a second, since each message is a task for the
 * page: of all kinds, of no known kind, and probes. Each datagram allows a further probe:
 * a busy peer sends one after three datagrams.
 */
const mostMessages = 4000;
const mostOdd = 256;
const mostProbes = 100;

/** The longest time to gather candidates, in milliseconds: a STUN server may be out of reach. */
const gatherFor = 500;

/**
 * Whether there can be direct paths. Throws if it is the servers that do not fit.
 *
 * @param {RTCIceServer[]} iceServers
 */
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

/** The core's end. transport/webrtc/wrap_js.go calls its methods, and sets its functions. */
export class Links {
  /** @type {(ch: number, sdp: string) => void} */
  ondescribed = () => {};
  /** @type {(ch: number, detail: null) => void} */
  onopened = () => {};
  /** @type {(ch: number, bytes: Uint8Array) => void} */
  onreceived = () => {};
  /** @type {(ch: number, detail: null) => void} */
  onended = () => {};
  #port;
  /** @type {Map<number, number>} */
  #waiting = new Map(); // bytes under way, by open channel
  #taken = 0; // messages that the page does not know to be taken

  /** @param {MessagePort} port */
  constructor(port) {
    this.#port = port;
    port.onmessage = ({ data }) => this.#hear(data);
  }

  /** @param {Message} message */
  #hear([verb, ch, detail]) {
    switch (verb) {
      case "described":
        this.ondescribed(ch, detail);
        break;
      case "opened":
        this.#waiting.set(ch, 0);
        this.onopened(ch, null);
        break;
      case "received":
        if (++this.#taken >= tellTaken) {
          this.#port.postMessage(["taken", 0, this.#taken]);
          this.#taken = 0;
        }
        this.onreceived(ch, new Uint8Array(detail));
        break;
      case "sent":
        this.#sent(ch, detail);
        break;
      case "ended":
        this.#waiting.delete(ch);
        this.onended(ch, null);
    }
  }

  /** @type {(ch: number, bytes: number) => void} */
  #sent(ch, bytes) {
    const waiting = this.#waiting.get(ch);
    if (waiting !== undefined) {
      this.#waiting.set(ch, waiting - bytes);
    }
  }

  /**
   * Starts a channel, with the description of the other end or "".
   *
   * @param {number} ch
   * @param {string} sdp
   */
  start(ch, sdp) {
    this.#port.postMessage(["start", ch, sdp]);
  }

  /** @type {(ch: number, sdp: string) => void} */
  accept(ch, sdp) {
    this.#port.postMessage(["accept", ch, sdp]);
  }

  /**
   * Sends the first n of bytes. Returns false if the channel takes no more.
   *
   * @param {number} ch
   * @param {Uint8Array<ArrayBuffer>} bytes
   * @param {number} n
   */
  send(ch, bytes, n) {
    const waiting = this.#waiting.get(ch);
    if (waiting === undefined || waiting + n > maxWaiting) {
      return false;
    }
    this.#waiting.set(ch, waiting + n);
    const { buffer } = bytes.slice(0, n);
    this.#port.postMessage(["send", ch, buffer], [buffer]);
    return true;
  }

  /** @param {number} ch */
  stop(ch) {
    this.#waiting.delete(ch);
    this.#port.postMessage(["stop", ch, null]);
  }

  close() {
    this.#waiting.clear();
    this.#port.postMessage(["close", 0, null]);
    this.#port.close();
  }
}

/** The page's end. */
export class Connections {
  #port;
  #iceServers;
  #gather;
  /** @type {Map<number, Link>} */
  #links = new Map(); // by number of the channel
  #coming = 0; // messages on their way to the core

  /**
   * @param {MessagePort} port
   * @param {RTCIceServer[]} iceServers
   * @param {boolean} gather wait for candidates; without, no candidate is told
   */
  constructor(port, iceServers, gather) {
    this.#port = port;
    this.#iceServers = iceServers;
    this.#gather = gather;
    port.onmessage = ({ data }) => this.#hear(data);
  }

  /** @param {Message} message */
  #hear([verb, ch, detail]) {
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

  /** @type {(ch: number, sdp: string) => Promise<void>} */
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
      this.#end(ch); // the browser may allow no more connections
    }
  }

  /** @type {(ch: number, data: unknown) => void} */
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

  /**
   * Tells the core of a channel, unless the core has stopped it meanwhile.
   *
   * @type {(ch: number, verb: string, detail: unknown, transfer?: Transferable[]) => void}
   */
  #tell(ch, verb, detail, transfer = []) {
    if (this.#links.has(ch)) {
      this.#port.postMessage([verb, ch, detail], transfer);
    }
  }

  /** @param {number} ch */
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

/** Counts the messages over one channel in the present second. */
class Rate {
  #since = -Infinity;
  #messages = 0;
  #datagrams = 0;
  #probes = 0;
  #odd = 0; // of no known kind

  /**
   * Counts a message. Returns whether it is one too many.
   *
   * @param {number} now
   * @param {unknown} data
   */
  exceeded(now, data) {
    if (now - this.#since >= 1000) {
      this.#since = now;
      this.#messages = this.#datagrams = this.#probes = this.#odd = 0;
    }
    this.#messages++;
    switch (kindOf(data)) {
      case "datagram":
        this.#datagrams++;
        break;
      case "probe":
        this.#probes++;
        break;
      case "odd":
        this.#odd++;
    }
    return this.#messages > mostMessages || this.#odd > mostOdd || this.#probes > mostProbes + this.#datagrams;
  }
}

/**
 * The kinds of messages by their first byte: docs/webrtc.md, "On a channel".
 *
 * @type {("datagram" | "probe" | "echo")[]}
 */
const kinds = ["datagram", "datagram", "probe", "echo"];

/** @param {unknown} data */
function kindOf(data) {
  if (!(data instanceof ArrayBuffer) || data.byteLength === 0) {
    return "odd";
  }
  const kind = kinds[new Uint8Array(data, 0, 1)[0]];
  const fits = kind === "datagram" ? data.byteLength <= maxMessage : data.byteLength === probeSize;
  return kind && fits ? kind : "odd";
}

/**
 * The events of a link.
 *
 * @typedef {{
 *   opened: () => void,
 *   received: (data: unknown) => void,
 *   sent: (bytes: number) => void,
 *   ended: () => void,
 * }} Tell
 */

/** One connection with its data channel. */
class Link {
  #tell;
  #connection;
  #channel;
  #sent = 0; // bytes that the core does not know to be sent
  #rate = new Rate();

  /**
   * @param {RTCConfiguration} configuration
   * @param {Tell} tell
   */
  constructor(configuration, tell) {
    this.#tell = tell;
    this.#connection = new RTCPeerConnection(configuration);
    this.#channel = this.#connection.createDataChannel("kadmesh", {
      negotiated: true,
      id: 0,
      ordered: false,
      maxRetransmits: 0,
    });
    this.#channel.binaryType = "arraybuffer";
    this.#channel.bufferedAmountLowThreshold = littleLeft;
    this.#channel.onopen = () => tell.opened();
    this.#channel.onmessage = ({ data }) =>
      this.#rate.exceeded(performance.now(), data) ? tell.ended() : tell.received(data);
    this.#channel.onbufferedamountlow = () => this.#tellSent();
    this.#channel.onclose = () => tell.ended();
    this.#connection.ondatachannel = () => tell.ended(); // one channel is all there may be
    this.#connection.onconnectionstatechange = () => this.#connection.connectionState === "failed" && tell.ended();
  }

  /**
   * The description of this end: an offer, or the answer to the offer in sdp.
   *
   * @param {string} sdp
   * @param {boolean} gather
   */
  async describe(sdp, gather) {
    if (sdp) {
      await this.#connection.setRemoteDescription({ type: "offer", sdp });
    }
    await this.#connection.setLocalDescription();
    if (gather) {
      await this.#gathered();
    }
    return this.#connection.localDescription?.sdp;
  }

  /**
   * Resolves when a server has told the public address, when all candidates are known, or
   * when that takes too long.
   *
   * @returns {Promise<void>}
   */
  #gathered() {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, gatherFor);
      const look = (/** @type {Event} */ event) => {
        const { candidate } = /** @type {RTCPeerConnectionIceEvent} */ (event);
        if (candidate?.type === "srflx" || this.#connection.iceGatheringState === "complete") {
          clearTimeout(timer);
          resolve();
        }
      };
      this.#connection.addEventListener("icecandidate", look);
      this.#connection.addEventListener("icegatheringstatechange", look);
      look(new Event("now"));
    });
  }

  /** @param {string} sdp an answer */
  accept(sdp) {
    return this.#connection.setRemoteDescription({ type: "answer", sdp });
  }

  /** @param {ArrayBuffer} buffer */
  send(buffer) {
    const { byteLength } = buffer;
    try {
      this.#channel.send(buffer);
    } catch {
      this.#tell.ended(); // it is closing
    }
    this.#sent += byteLength;
    if (this.#sent >= tellAfter && this.#channel.bufferedAmount <= littleLeft) {
      this.#tellSent();
    }
  }

  #tellSent() {
    if (this.#sent) {
      this.#tell.sent(this.#sent);
      this.#sent = 0;
    }
  }

  close() {
    this.#channel.onclose = this.#channel.onmessage = null;
    this.#connection.close();
  }
}
