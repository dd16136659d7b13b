// Direct paths: the choice of mode, the peers that are reached directly, and the
// outcome of attempts.

import { shortID } from "../model/ids.js";
import { modes } from "../model/modes.js";
import { total } from "../model/state.js";
import { count, millis, plural } from "../text/format.js";
import { el, Figures, setAttr, setText, show, svg } from "../ui/dom.js";
import { oncePerFrame } from "../ui/frame.js";
import { symbolShape } from "../ui/symbols.js";
import { ModeChoice } from "./modechoice.js";

/** @import { DirectMode, PathStats, PeerPath } from "../../kadmesh/kadmesh.js" */
/** @import { StartedNode, Stream } from "../model/stream.js" */

/** How many direct peers and how many others are listed. */
const maxDirect = 8;
const maxOthers = 4;

/**
 * The states of a peer that is not reached directly, in words. The list has this order.
 *
 * @type {Record<string, string>}
 */
const states = {
  answering: "answering",
  offering: "asking",
  "backing off": "waiting before the next try",
  idle: "not now",
};
const order = Object.keys(states);

/**
 * Why a path or an attempt was given up, in words.
 *
 * @type {Record<string, string>}
 */
const reasons = {
  silent: "nothing came back",
  lost: "the other end was lost",
  idle: "nobody used it",
  displaced: "others needed the place",
  worn: "its keys were worn",
  replaced: "somebody else has the address",
  "no answer": "no answer",
  "bad answer": "an answer without sense",
  "not opened": "it did not open",
  broken: "the connection broke",
};

/**
 * The peers to list: direct peers by their round trip, then others by their state.
 *
 * @param {PeerPath[]} peers
 */
export function listed(peers) {
  const direct = peers.filter(({ path }) => path === "direct");
  const others = peers.filter(({ path }) => path !== "direct");
  sortBy(direct, ({ rtt }) => rtt ?? Number.MAX_VALUE);
  sortBy(others, ({ state }) => order.indexOf(state));
  return [...direct.slice(0, maxDirect), ...others.slice(0, maxOthers)];
}

/** @type {(peers: PeerPath[], rank: (peer: PeerPath) => number) => void} */
function sortBy(peers, rank) {
  peers.sort((a, b) => rank(a) - rank(b) || (a.id < b.id ? -1 : 1));
}

/** The panel of paths, drawn from the events node, stats and paths. */
export class PathsPanel {
  #choice;
  #caption = el("p", { class: "caption" });
  #list = el("ul", { class: "peers" });
  #more = el("p", { class: "note" });
  #figures = new Figures(
    ["direct", "Datagrams directly"],
    ["relay", "by the relay"],
    ["upgrades", "Became direct"],
    ["fallbacks", "Back to the relay"],
    ["failures", "Tried in vain"],
  );
  /** @type {DirectMode} */
  #mode = "relay-only"; // in force
  /** @type {DirectMode} */
  #wanted = "relay-only"; // chosen
  /** @type {PeerPath[]} */
  #peers = [];
  /** @type {number | null} */
  #contacts = null;
  /** @type {PathStats | null} */
  #stats = null;
  /** @type {PeerLine[]} */
  #lines = [];
  #redraw = oncePerFrame(() => this.#draw());

  /**
   * @param {HTMLElement} host
   * @param {Stream} stream
   * @param {(mode: DirectMode) => void} onchoose starts the node again in another mode
   */
  constructor(host, stream, onchoose) {
    this.#choice = new ModeChoice("Paths that this node may take", onchoose, "Start again this way");
    host.append(this.#choice.element, this.#caption, this.#list, this.#more, this.#figures.element);
    stream.on("node", (node) => this.#begin(node));
    stream.on("paths", ({ peers }) => {
      this.#peers = peers;
      this.#redraw();
    });
    stream.on("stats", ({ stats }) => {
      this.#stats = stats.paths;
      this.#contacts = stats.contacts;
      this.#redraw();
    });
  }

  /** Focuses the choice: it has started the node again. */
  focus() {
    this.#choice.focus();
  }

  /** @param {StartedNode} node */
  #begin({ direct, wanted }) {
    this.#mode = direct;
    this.#wanted = wanted;
    this.#peers = [];
    this.#contacts = null;
    this.#stats = null;
    this.#choice.set(wanted);
    this.#draw();
  }

  #draw() {
    const on = this.#mode !== "relay-only";
    setText(this.#caption, this.#sentence());
    show(this.#list, on);
    show(this.#more, on);
    show(this.#figures.element, on);
    if (on) {
      this.#drawPeers();
      this.#drawFigures();
    }
  }

  #sentence() {
    if (this.#wanted !== this.#mode) {
      return `This browser has no WebRTC, which “${modes[this.#wanted].name}” needs: all goes by the relay.`;
    }
    if (this.#mode === "relay-only") {
      return "All peers are reached by the relay.";
    }
    const direct = this.#peers.filter(({ path }) => path === "direct").length;
    const others = this.#contacts === null ? "" : ` of ${plural(this.#contacts, "contact")}`;
    return `${count(direct)}${others} ${direct === 1 ? "is" : "are"} reached directly, the others by the relay.`;
  }

  #drawPeers() {
    const shown = listed(this.#peers);
    while (this.#lines.length > shown.length) {
      this.#lines.pop()?.element.remove();
    }
    while (this.#lines.length < shown.length) {
      const line = new PeerLine();
      this.#lines.push(line);
      this.#list.append(line.element);
    }
    shown.forEach((peer, i) => this.#lines[i].update(peer));
    setText(this.#more, moreThan(shown.length, this.#peers.length));
  }

  #drawFigures() {
    if (!this.#stats) {
      return;
    }
    const { direct, relay, upgrades, fallbacks, failures } = this.#stats;
    this.#figures.set("direct", `${count(direct.sent)} out, ${count(direct.received)} in`);
    this.#figures.set("relay", `${count(relay.sent)} out, ${count(relay.received)} in`);
    this.#figures.set("upgrades", times(upgrades));
    this.#figures.set("fallbacks", withReasons(fallbacks));
    this.#figures.set("failures", withReasons(failures));
  }
}

/** A peer in the list. */
class PeerLine {
  /** @type {HTMLLIElement} */
  element;
  #symbol = svg("path");
  #group = svg("g", {}, this.#symbol);
  #id = el("span", { class: "id" });
  #where = el("span", { class: "address" });
  #how = el("span", { class: "how" });

  constructor() {
    const props = { viewBox: "-8 -8 16 16", width: 16, height: 16, "aria-hidden": "true" };
    this.element = el("li", {}, svg("svg", props, this.#group), this.#id, this.#where, this.#how);
  }

  /** @param {PeerPath} peer */
  update({ id, address, path, rtt, state }) {
    setAttr(this.#group, "class", `dot ${path}`);
    setAttr(this.#symbol, "d", symbolShape(path, 4.6));
    setText(this.#id, shortID(id));
    setText(this.#where, address);
    const direct = rtt === null ? "direct" : `direct, ${millis(rtt)}`;
    setText(this.#how, path === "direct" ? direct : `relay, ${states[state] ?? state}`);
  }
}

/**
 * @param {number} shown
 * @param {number} all
 */
function moreThan(shown, all) {
  if (all > shown) {
    return `and ${plural(all - shown, "more", "more")} that take direct paths`;
  }
  return shown ? "" : "No peer that takes direct paths has answered yet.";
}

/** @param {number} n */
function times(n) {
  return n === 1 ? "once" : n ? `${count(n)} times` : "never";
}

/** @param {Record<string, number>} counters by reason */
function withReasons(counters) {
  const list = Object.entries(counters).sort(([a], [b]) => (a < b ? -1 : 1));
  if (!list.length) {
    return "never";
  }
  const parts = list.map(([reason, n]) => {
    const often = n > 1 && list.length > 1 ? ` (${count(n)})` : "";
    return `${reasons[reason] ?? reason}${often}`;
  });
  return `${times(total(counters))}: ${parts.join(", ")}`;
}
