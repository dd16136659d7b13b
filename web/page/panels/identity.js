// This node: its id, its lent address, its relay and how that is, its peers.

import { copyButton } from "../ui/copy.js";
import { disc } from "../ui/identicon.js";
import { el, figures, setText } from "../ui/dom.js";
import { atMostEvery } from "../ui/frame.js";
import { count, span } from "../text/format.js";
import { shortID } from "../model/ids.js";

/** Draws the node into host, from the events node, relay, stats and tabs. */
export function identity(host, stream) {
  return new Identity(host, stream);
}

class Identity {
  node = null;
  relay = null;
  relaySince = 0;
  losses = 0;
  began = 0;
  stats = null;

  constructor(host, stream) {
    this.redraw = atMostEvery(200, () => this.draw());
    this.build(host);
    stream.on("node", (node) => this.begin(node));
    stream.on("relay", (relay) => this.onRelay(relay));
    stream.on("stats", ({ stats }) => {
      this.stats = stats;
      this.redraw();
    });
    stream.on("tabs", ({ others }) => this.tabs(others));
  }

  build(host) {
    this.disc = disc("", { label: "The id as a picture: each sector is one of its 40 digits" });
    this.short = el("span", { class: "short-id" });
    this.id = el("span", { class: "full-id" });
    const address = copyButton(() => this.node?.address ?? "", "Copy", "Copy the lent address");
    this.figures = figures(
      ["address", "Lent address", address],
      ["relay", "Relay"],
      ["health", "Connection"],
      ["peers", "Peers"],
      ["up", "Up"],
      ["tabs", "Other tabs"],
    );
    host.append(
      el(
        "div",
        { class: "identity" },
        this.disc.picture,
        el(
          "div",
          {},
          this.short,
          this.id,
          copyButton(() => this.node?.id ?? "", "Copy id"),
        ),
      ),
      this.figures.list,
    );
  }

  begin(node) {
    this.node = { ...node };
    this.began = performance.now();
    this.relay = null;
    this.losses = 0;
    this.stats = null;
    this.disc.update(node.id);
    setText(this.short, shortID(node.id));
    this.id.replaceChildren(...groups(node.id));
    this.tabs([]);
    this.redraw();
  }

  onRelay(relay) {
    if (this.relay?.state === "connected" && relay.state !== "connected") {
      this.losses++;
    }
    if (relay.state !== this.relay?.state) {
      this.relaySince = performance.now();
    }
    this.relay = relay;
    if (this.node && relay.address) {
      this.node.address = relay.address;
    }
    this.redraw();
  }

  tabs(others) {
    const names = others.slice(0, 2).map(shortID).join(", ") + (others.length > 2 ? ", …" : "");
    this.figures.set.tabs(
      others.length
        ? `${others.length === 1 ? "one is" : `${count(others.length)} are`} a node too (${names}), with its own id, address and store`
        : "none that is a node",
    );
  }

  draw() {
    const { set } = this.figures;
    const now = performance.now();
    const connected = this.relay?.state === "connected";
    set.address(this.node?.address || "none yet");
    set.relay(this.relay?.url || "–");
    set.health(this.health(now, connected));
    set.peers(this.stats ? `${count(this.stats.contacts)}, ${count(this.stats.replacements)} waiting` : "–");
    set.up(this.node ? span(now - this.began) : "–");
  }

  health(now, connected) {
    if (!this.relay) {
      return "–";
    }
    const losses = this.losses ? `, lost ${this.losses === 1 ? "once" : `${count(this.losses)} times`}` : "";
    const since = span(now - this.relaySince);
    return connected ? `open for ${since}${losses}` : `${this.relay.state} for ${since}`;
  }
}

/** An id in groups of four digits, which can be read out and compared. */
function groups(id) {
  return id.match(/.{4}/g).map((group) => el("span", {}, group));
}
