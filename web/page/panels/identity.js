// This node: its id, its lent address, the connection to the relay, and its peers.

import { shortID } from "../model/ids.js";
import { count, span } from "../text/format.js";
import { CopyButton } from "../ui/copy.js";
import { el, Figures, setText } from "../ui/dom.js";
import { atMostEvery } from "../ui/frame.js";
import { Identicon } from "../ui/identicon.js";

/** @import { RelayState, Stats } from "../../kadmesh/kadmesh.js" */
/** @import { StartedNode, Stream } from "../model/stream.js" */

/** The panel of the node, drawn from the events node, relay, stats and tabs. */
export class IdentityPanel {
  #picture = new Identicon("The id as a picture: each sector is one of its 40 digits");
  #short = el("span", { class: "short-id" });
  #full = el("span", { class: "full-id" });
  #figures;
  #id = "";
  #address = "";
  #began = 0;
  /** @type {RelayState | null} */
  #relay = null;
  #relaySince = 0; // since when the relay has its state
  #losses = 0; // of the relay
  /** @type {Stats | null} */
  #stats = null;
  #redraw = atMostEvery(200, () => this.#draw());

  /**
   * @param {HTMLElement} host
   * @param {Stream} stream
   */
  constructor(host, stream) {
    const copyAddress = new CopyButton(() => this.#address, "Copy", "Copy the lent address");
    const copyID = new CopyButton(() => this.#id, "Copy id");
    this.#figures = new Figures(
      ["address", "Lent address", copyAddress.element],
      ["relay", "Relay"],
      ["health", "Connection"],
      ["peers", "Peers"],
      ["up", "Up"],
      ["tabs", "Other tabs"],
    );
    const ids = el("div", {}, this.#short, this.#full, copyID.element);
    host.append(el("div", { class: "identity" }, this.#picture.element, ids), this.#figures.element);
    stream.on("node", (node) => this.#begin(node));
    stream.on("relay", (relay) => this.#onRelay(relay));
    stream.on("stats", ({ stats }) => {
      this.#stats = stats;
      this.#redraw();
    });
    stream.on("tabs", ({ others }) => this.#setTabs(others));
  }

  /** @param {StartedNode} node */
  #begin({ id, address }) {
    this.#id = id;
    this.#address = address;
    this.#began = performance.now();
    this.#relay = null;
    this.#losses = 0;
    this.#stats = null;
    this.#picture.update(id);
    setText(this.#short, shortID(id));
    this.#full.replaceChildren(...groups(id));
    this.#setTabs([]);
    this.#redraw();
  }

  /** @param {RelayState} relay */
  #onRelay(relay) {
    if (this.#relay?.state === "connected" && relay.state !== "connected") {
      this.#losses++;
    }
    if (relay.state !== this.#relay?.state) {
      this.#relaySince = performance.now();
    }
    this.#relay = relay;
    this.#address = relay.address || this.#address;
    this.#redraw();
  }

  /** @param {string[]} others ids of the nodes in other tabs */
  #setTabs(others) {
    const names = others.slice(0, 2).map(shortID).join(", ") + (others.length > 2 ? ", …" : "");
    const are = others.length === 1 ? "one is" : `${count(others.length)} are`;
    const words = `${are} a node too (${names}), with its own id, address and store`;
    this.#figures.set("tabs", others.length ? words : "none that is a node");
  }

  #draw() {
    const stats = this.#stats;
    const peers = stats ? `${count(stats.contacts)}, ${count(stats.replacements)} waiting` : "–";
    this.#figures.set("address", this.#address || "none yet");
    this.#figures.set("relay", this.#relay?.url || "–");
    this.#figures.set("health", this.#health());
    this.#figures.set("peers", peers);
    this.#figures.set("up", this.#id ? span(performance.now() - this.#began) : "–");
  }

  #health() {
    if (!this.#relay) {
      return "–";
    }
    const since = span(performance.now() - this.#relaySince);
    if (this.#relay.state !== "connected") {
      return `${this.#relay.state} for ${since}`;
    }
    const times = this.#losses === 1 ? "once" : `${count(this.#losses)} times`;
    return `open for ${since}${this.#losses ? `, lost ${times}` : ""}`;
  }
}

/**
 * An id in groups of four digits: people can read them out and compare them.
 *
 * @param {string} id
 */
function groups(id) {
  return (id.match(/.{4}/g) ?? []).map((group) => el("span", {}, group));
}
