// How the node is, in a sentence: what a person should know first of all that is
// going on, and what to do about it.

import { excerpt, refusal } from "../text/errors.js";
import { bytes, plural, roughly, span } from "../text/format.js";

/** How long good news stays, in milliseconds. */
const newsFor = 20_000;
/** How long the page must have been hidden for its return to be worth a word. */
const hiddenFor = 30_000;
/** How full, of what may be kept, is full; and how long a refusal counts. */
const full = 0.97;
const refusedFor = 60_000;

/**
 * Takes in events, and tells what they come to. Messages are { key, level, words,
 * advice, retryAt }: level is ok, note, warn or bad; retryAt is the time of the
 * next try, as of performance.now(), or 0.
 */
export class State {
  online = true;
  relay = null;
  relayAt = 0;
  before = null; // the connected state before the relay was lost
  refusal = null; // why the relay refuses: words and advice
  news = null; // { message, until }
  node = null;
  contacts = null;
  stats = null;
  refusedAt = -Infinity;
  hidden = null; // { at, served }
  back = null; // { away, served }
  ended = null;

  /** Takes in an event of the stream; now is as of performance.now(). */
  take(type, event, now) {
    this[`on${type}`]?.(event, now);
  }

  onnetwork({ online }) {
    this.online = online;
  }

  onnode(node) {
    Object.assign(this, new State(), { online: this.online, node });
  }

  onrelay(relay, now) {
    const was = this.relay;
    this.relay = relay;
    this.relayAt = now;
    if (relay.state !== "connecting") {
      this.refusal = refusal(relay.relayCode) ?? null;
    }
    if (was?.state === "connected" && relay.state !== "connected") {
      this.before = was;
    }
    if (relay.state === "connected" && this.before) {
      this.news = { message: returned(this.before, relay), until: now + newsFor };
      this.before = null;
    }
  }

  ontable({ entries }) {
    this.contacts = entries.filter((e) => e.place === "bucket").length;
  }

  onstats({ stats }, now) {
    this.stats = stats;
    if (this.back) {
      const { away, served } = this.back;
      this.back = null;
      const answered = total(stats.served) - served;
      this.news = { message: backMessage(away, answered), until: now + newsFor };
    }
  }

  onrecord({ change }, now) {
    if (change === "refused") {
      this.refusedAt = now;
    }
  }

  onvisible({ visible }, now) {
    if (!visible) {
      this.hidden = { at: now, served: this.stats ? total(this.stats.served) : 0 };
    } else if (this.hidden && now - this.hidden.at >= hiddenFor) {
      this.back = { away: now - this.hidden.at, served: this.hidden.served };
      this.hidden = null;
    }
  }

  onstopped({ reason }) {
    this.ended = reason;
  }

  /** What to say now. */
  message(now) {
    if (this.ended) {
      return say("ended", "bad", `The node has ended: ${this.ended}.`, "Leave, and join again.");
    }
    if (!this.online) {
      return say(
        "offline",
        "warn",
        "This device is offline.",
        "The node waits, and goes on by itself once there is a network.",
      );
    }
    return this.#relayTrouble(now) ?? this.#news(now) ?? this.#condition(now);
  }

  #relayTrouble(now) {
    const { relay } = this;
    if (!relay || relay.state === "connected") {
      return null;
    }
    const why = relay.reason ? `: ${reasonOf(relay)}` : "";
    const retryAt = relay.retryIn > 0 ? this.relayAt + relay.retryIn : 0;
    if (relay.state === "refused" || this.refusal) {
      const { words, advice } = this.refusal ?? {
        words: `The relay refuses this node${why}.`,
        advice: "Leave, and try later or at another relay.",
      };
      return say("refused", "bad", words, advice, retryAt);
    }
    if (relay.state === "connecting" && !this.before) {
      return say("connecting", "note", `Connecting to ${hostOf(relay.url)}.`, "Others cannot reach this node yet.");
    }
    const words =
      relay.state === "connecting"
        ? `The relay was lost; connecting to ${hostOf(relay.url)}.`
        : `The relay is lost${why}.`;
    return say(
      "lost",
      "warn",
      words,
      "Others cannot reach this node meanwhile. What it keeps stays kept, and it returns by itself.",
      retryAt,
    );
  }

  #news(now) {
    return this.news && now < this.news.until ? this.news.message : null;
  }

  #condition(now) {
    const share = this.stats && this.node ? this.stats.recordBytes / this.node.storeBytes : 0;
    if (share >= full || now - this.refusedAt < refusedFor) {
      return say(
        "full",
        "warn",
        `This tab keeps as much for others as it may: ${bytes(this.node?.storeBytes ?? 0)}.`,
        "It makes room for values near its id and refuses the rest, which other nodes keep.",
      );
    }
    if (this.contacts === 0) {
      return say(
        "alone",
        "note",
        "Nobody else is here yet.",
        "What you set is kept in this tab only, until others turn up.",
      );
    }
    if (this.contacts === null) {
      return say("begun", "ok", "This tab is a node of the network.", "");
    }
    return say(
      "ok",
      "ok",
      `This tab is a node of the network, and knows ${plural(this.contacts, "other")}.`,
      this.relay ? `Reached through ${hostOf(this.relay.url)}.` : "",
    );
  }
}

function say(key, level, words, advice, retryAt = 0) {
  return { key, level, words, advice, retryAt };
}

/** Why the relay was lost, without its URL: which one it is, is known. */
function reasonOf({ reason, url }) {
  const prefix = `${url}: `;
  return excerpt(url && reason.startsWith(prefix) ? reason.slice(prefix.length) : reason);
}

/** The news of a relay that is connected again. */
function returned(before, relay) {
  if (relay.url !== before.url) {
    return say(
      "moved",
      "note",
      `Moved to another relay, ${hostOf(relay.url)}.`,
      `The id is the same; the address is now ${relay.address}.`,
    );
  }
  if (relay.resumed || relay.address === before.address) {
    return say(
      "resumed",
      "ok",
      "Back at the relay, with the same address.",
      "For the other nodes nothing has changed.",
    );
  }
  return say(
    "readdressed",
    "note",
    `Back at the relay, with another address: ${relay.address}.`,
    "Others learn of it as this node asks them; its id is the same.",
  );
}

function backMessage(away, answered) {
  const went =
    answered > 0
      ? `The node went on meanwhile, and answered ${plural(answered, "request")}.`
      : "Nobody asked the node anything meanwhile.";
  return say("back", "note", `Back after ${roughly(away)} in the background.`, went);
}

/** The countdown of a message, in words; "" if there is none. */
export function countdown(message, now) {
  if (!message.retryAt) {
    return "";
  }
  const left = message.retryAt - now;
  return left > 0 ? `Next try in ${span(left + 999)}.` : "Trying now.";
}

/** The host of a URL, which is what people know a relay by. */
export function hostOf(url) {
  try {
    return new URL(url).host;
  } catch {
    return url || "the relay";
  }
}

/** The sum of counters. */
export function total(counters) {
  return Object.values(counters ?? {}).reduce((sum, n) => sum + n, 0);
}
