// The state of the node in a sentence: the most important news for a person, with
// advice.

import { excerpt, refusal } from "../text/errors.js";
import { bytes, plural, roughly, span } from "../text/format.js";

/** @import { RelayState, Stats, TableEntry } from "../../kadmesh/kadmesh.js" */
/** @import { PageEvents, StartedNode } from "./stream.js" */

/** How long good news stays, in milliseconds. */
const newsFor = 20_000;
/** How long the page must have been hidden for its return to be worth a word. */
const hiddenFor = 30_000;
/** From which share of its room on the store is full, and how long a refusal counts. */
const full = 0.97;
const refusedFor = 60_000;

/**
 * A message to a person: key is its name, retryAt the time of the next try as of
 * performance.now(), or 0.
 *
 * @typedef {{ key: string, level: "ok" | "note" | "warn" | "bad", words: string, advice: string,
 *   retryAt: number }} Message
 */

/** The state of the node, made of events. */
export class State {
  #online = true;
  #node = emptyNode();

  /**
   * Takes in an event of the stream. Types without effect on the state are ignored.
   *
   * @param {keyof PageEvents} type
   * @param {any} event of that type
   * @param {number} now as of performance.now()
   */
  take(type, event, now) {
    switch (type) {
      case "network":
        this.#online = event.online;
        break;
      case "node":
        this.#node = { ...emptyNode(), started: event };
        break;
      case "relay":
        this.#onRelay(event, now);
        break;
      case "table":
        this.#node.contacts = event.entries.filter((/** @type {TableEntry} */ e) => e.place === "bucket").length;
        break;
      case "stats":
        this.#onStats(event.stats, now);
        break;
      case "record":
        if (event.change === "refused") {
          this.#node.refusedAt = now;
        }
        break;
      case "visible":
        this.#onVisible(event.visible, now);
        break;
      case "stopped":
        this.#node.ended = event.reason;
        break;
    }
  }

  /**
   * @param {RelayState} relay
   * @param {number} now
   */
  #onRelay(relay, now) {
    const node = this.#node;
    const was = node.relay;
    node.relay = relay;
    node.relayAt = now;
    if (relay.state !== "connecting") {
      node.refusal = refusal(relay.relayCode) ?? null;
    }
    if (was?.state === "connected" && relay.state !== "connected") {
      node.before = was;
    }
    if (relay.state === "connected" && node.before) {
      node.news = { message: returned(node.before, relay), until: now + newsFor };
      node.before = null;
    }
  }

  /**
   * @param {Stats} stats
   * @param {number} now
   */
  #onStats(stats, now) {
    const node = this.#node;
    node.stats = stats;
    if (node.back) {
      const answered = total(stats.served) - node.back.served;
      node.news = { message: backMessage(node.back.away, answered), until: now + newsFor };
      node.back = null;
    }
  }

  /**
   * @param {boolean} visible
   * @param {number} now
   */
  #onVisible(visible, now) {
    const node = this.#node;
    if (!visible) {
      node.hidden = { at: now, served: node.stats ? total(node.stats.served) : 0 };
    } else if (node.hidden && now - node.hidden.at >= hiddenFor) {
      node.back = { away: now - node.hidden.at, served: node.hidden.served };
      node.hidden = null;
    }
  }

  /**
   * The message of the moment.
   *
   * @param {number} now
   */
  message(now) {
    const { ended, news } = this.#node;
    if (ended) {
      return say("ended", "bad", `The node has ended: ${ended}.`, "Leave, and join again.");
    }
    if (!this.#online) {
      return say(
        "offline",
        "warn",
        "This device is offline.",
        "The node waits, and goes on by itself once there is a network.",
      );
    }
    return this.#relayTrouble() ?? (news && now < news.until ? news.message : this.#condition(now));
  }

  #relayTrouble() {
    const { relay, relayAt, refusal, before } = this.#node;
    if (!relay || relay.state === "connected") {
      return null;
    }
    const why = relay.reason ? `: ${reasonOf(relay)}` : "";
    const retryAt = relay.retryIn > 0 ? relayAt + relay.retryIn : 0;
    if (relay.state === "refused" || refusal) {
      const { words, advice } = refusal ?? {
        words: `The relay refuses this node${why}.`,
        advice: "Leave, and try later or at another relay.",
      };
      return say("refused", "bad", words, advice, retryAt);
    }
    if (relay.state === "connecting" && !before) {
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

  /** @param {number} now */
  #condition(now) {
    const { started, stats, refusedAt, contacts, relay } = this.#node;
    const share = stats && started ? stats.recordBytes / started.storeBytes : 0;
    if (share >= full || now - refusedAt < refusedFor) {
      return say(
        "full",
        "warn",
        `This tab keeps as much for others as it may: ${bytes(started?.storeBytes ?? 0)}.`,
        "It makes room for values near its id and refuses the rest, which other nodes keep.",
      );
    }
    if (contacts === 0) {
      return say(
        "alone",
        "note",
        "Nobody else is here yet.",
        "What you set is kept in this tab only, until others turn up.",
      );
    }
    if (contacts === null) {
      return say("begun", "ok", "This tab is a node of the network.", "");
    }
    return say(
      "ok",
      "ok",
      `This tab is a node of the network, and knows ${plural(contacts, "other")}.`,
      relay ? `Reached through ${hostOf(relay.url)}.` : "",
    );
  }
}

/** What is known of a node that has told nothing yet. */
function emptyNode() {
  return {
    /** @type {StartedNode | null} */
    started: null,
    /** @type {RelayState | null} */
    relay: null,
    relayAt: 0, // the time of the last event "relay"
    /** @type {RelayState | null} */
    before: null, // the connected state before the relay was lost
    /** @type {{ words: string, advice: string } | null} */
    refusal: null, // why the relay refuses the node
    /** @type {{ message: Message, until: number } | null} */
    news: null,
    /** @type {number | null} */
    contacts: null,
    /** @type {Stats | null} */
    stats: null,
    refusedAt: -Infinity, // the time of the last refused record
    /** @type {{ at: number, served: number } | null} */
    hidden: null, // since the page is hidden
    /** @type {{ away: number, served: number } | null} */
    back: null, // from when the page is shown again until the next counters
    ended: "", // why the node ended by itself
  };
}

/**
 * @param {string} key
 * @param {Message["level"]} level
 * @param {string} words
 * @param {string} advice
 * @returns {Message}
 */
function say(key, level, words, advice, retryAt = 0) {
  return { key, level, words, advice, retryAt };
}

/**
 * Why the relay was lost. Its URL is left out, since the page shows it already.
 *
 * @param {RelayState} relay
 */
function reasonOf({ reason, url }) {
  const prefix = `${url}: `;
  return excerpt(url && reason.startsWith(prefix) ? reason.slice(prefix.length) : reason);
}

/**
 * The news of a relay that is connected again.
 *
 * @type {(before: RelayState, relay: RelayState) => Message}
 */
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

/** @type {(away: number, answered: number) => Message} */
function backMessage(away, answered) {
  const went =
    answered > 0
      ? `The node went on meanwhile, and answered ${plural(answered, "request")}.`
      : "Nobody asked the node anything meanwhile.";
  return say("back", "note", `Back after ${roughly(away)} in the background.`, went);
}

/**
 * The countdown of a message in words; "" if it has none.
 *
 * @param {{ retryAt: number }} message
 * @param {number} now
 */
export function countdown(message, now) {
  if (!message.retryAt) {
    return "";
  }
  const left = message.retryAt - now;
  return left > 0 ? `Next try in ${span(left + 999)}.` : "Trying now.";
}

/**
 * The host of a relay's URL: the name by which people know a relay.
 *
 * @param {string} url
 */
export function hostOf(url) {
  try {
    return new URL(url).host;
  } catch {
    return url || "the relay";
  }
}

/**
 * The sum of counters.
 *
 * @param {Record<string, number | undefined>} counters
 */
export function total(counters) {
  return Object.values(counters).reduce((/** @type {number} */ sum, n) => sum + (n ?? 0), 0);
}
