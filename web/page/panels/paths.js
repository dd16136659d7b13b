// Direct paths: the choice of mode, who is reached directly, and what became of
// the attempts.

import { el, figures, setAttr, setText, show, svg } from "../ui/dom.js";
import { nextFrame } from "../ui/frame.js";
import { count, millis, plural } from "../text/format.js";
import { shortID } from "../model/ids.js";
import { markShape } from "../ui/symbols.js";
import { modeChoice, modes } from "../model/modes.js";
import { total } from "../model/state.js";

/** How many peers are listed at most: direct ones, and others. */
const maxDirect = 8;
const maxOthers = 4;

/** What is under way with a peer, and why a path or an attempt was given up, in words. */
const states = {
  idle: "not now",
  offering: "asking",
  answering: "answering",
  "backing off": "waiting before the next try",
};
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

/** What of a peer that is not reached directly is told first. */
const order = ["answering", "offering", "backing off", "idle"];

/** The peers to list: first those with the shortest round trip, then others, first those with something under way. */
export function listed(peers) {
  const sorted = (list, rank) => list.sort((a, b) => rank(a) - rank(b) || (a.id < b.id ? -1 : 1));
  const direct = sorted(
    peers.filter(({ path }) => path === "direct"),
    ({ rtt }) => rtt ?? Number.MAX_VALUE,
  );
  const others = sorted(
    peers.filter(({ path }) => path !== "direct"),
    ({ state }) => order.indexOf(state),
  );
  return [...direct.slice(0, maxDirect), ...others.slice(0, maxOthers)];
}

/** Draws the paths into host, from the events node, stats and paths. choose(mode) changes the mode. */
export function pathsPanel(host, stream, choose) {
  return new Paths(host, stream, choose);
}

class Paths {
  mode = "relay-only"; // the one in force
  wanted = "relay-only";
  peers = [];
  contacts = null;
  stats = null;

  constructor(host, stream, choose) {
    this.draw = this.draw.bind(this);
    this.build(host, choose);
    stream.on("node", ({ direct, wanted }) => this.begin(direct, wanted));
    stream.on("paths", ({ peers }) => this.update({ peers }));
    stream.on("stats", ({ stats }) => this.update({ stats: stats.paths, contacts: stats.contacts }));
  }

  build(host, choose) {
    this.choice = modeChoice(host, "Paths that this node may take", choose, "Start again this way");
    this.caption = el("p", { class: "caption" });
    this.list = el("ul", { class: "peers" });
    this.more = el("p", { class: "note" });
    this.figures = figures(
      ["direct", "Datagrams directly"],
      ["relay", "by the relay"],
      ["upgrades", "Became direct"],
      ["fallbacks", "Back to the relay"],
      ["failures", "Tried in vain"],
    );
    host.append(this.caption, this.list, this.more, this.figures.list);
  }

  begin(mode, wanted) {
    Object.assign(this, { mode, wanted, peers: [], contacts: null, stats: null });
    this.choice.set(wanted);
    this.draw();
  }

  /** After the node has started again because of the choice. */
  focus() {
    this.choice.focus();
  }

  update(news) {
    Object.assign(this, news);
    nextFrame(this.draw);
  }

  draw() {
    const on = this.mode !== "relay-only";
    setText(this.caption, this.words());
    [this.list, this.more, this.figures.list].forEach((element) => show(element, on));
    if (!on) {
      return;
    }
    this.drawPeers();
    if (this.stats) {
      const { direct, relay, upgrades, fallbacks, failures } = this.stats;
      const { set } = this.figures;
      set.direct(`${count(direct.sent)} out, ${count(direct.received)} in`);
      set.relay(`${count(relay.sent)} out, ${count(relay.received)} in`);
      set.upgrades(times(upgrades));
      set.fallbacks(withReasons(fallbacks));
      set.failures(withReasons(failures));
    }
  }

  words() {
    if (this.wanted !== this.mode) {
      return `This browser has no WebRTC, which “${modes[this.wanted].name}” needs: all goes by the relay.`;
    }
    if (this.mode === "relay-only") {
      return "All peers are reached by the relay.";
    }
    const direct = this.peers.filter(({ path }) => path === "direct").length;
    const others = this.contacts === null ? "" : ` of ${plural(this.contacts, "contact")}`;
    return `${count(direct)}${others} ${direct === 1 ? "is" : "are"} reached directly, the others by the relay.`;
  }

  drawPeers() {
    const shown = listed(this.peers);
    const more = this.peers.length - shown.length;
    while (this.list.children.length > shown.length) {
      this.list.lastChild.remove();
    }
    shown.forEach((peer, i) => fill(this.list.children[i] ?? this.list.appendChild(line()), peer));
    setText(
      this.more,
      more
        ? `and ${plural(more, "more", "more")} that take direct paths`
        : shown.length
          ? ""
          : "No peer that takes direct paths has answered yet.",
    );
  }
}

function line() {
  const mark = svg("path");
  const picture = svg(
    "svg",
    { viewBox: "-8 -8 16 16", width: 16, height: 16, "aria-hidden": "true" },
    svg("g", {}, mark),
  );
  return el(
    "li",
    {},
    picture,
    el("span", { class: "id" }),
    el("span", { class: "address" }),
    el("span", { class: "how" }),
  );
}

function fill(element, { id, address, path, rtt, state }) {
  const [picture, name, where, how] = element.children;
  setAttr(picture.firstChild, "class", `dot ${path}`);
  setAttr(picture.firstChild.firstChild, "d", markShape(path, 4.6));
  setText(name, shortID(id));
  setText(where, address);
  setText(
    how,
    path === "direct" ? `direct${rtt === null ? "" : `, ${millis(rtt)}`}` : `relay, ${states[state] ?? state}`,
  );
}

function times(n) {
  return n === 1 ? "once" : n ? `${count(n)} times` : "never";
}

function withReasons(counters) {
  const list = Object.entries(counters).sort(([a], [b]) => (a < b ? -1 : 1));
  return list.length
    ? `${times(total(counters))}: ${list.map(([reason, n]) => `${reasons[reason] ?? reason}${n > 1 && list.length > 1 ? ` (${count(n)})` : ""}`).join(", ")}`
    : "never";
}
