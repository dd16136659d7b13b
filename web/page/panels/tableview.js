// The space around the node: its contacts by distance. A row holds those whose ids
// share equally many leading bits with the node's own, so each row is for half as
// many ids as the one above it. Far away it is full; near oneself there is nobody.

import { contactList } from "./contacts.js";
import { detailLine } from "../ui/detail.js";
import { disc } from "../ui/identicon.js";
import { el, setAttr, setText, show, svg, uniqueID } from "../ui/dom.js";
import { estimateSize, shortID } from "../model/ids.js";
import { atMostEvery, nextFrame, reducedMotion } from "../ui/frame.js";
import { count, millis, plural, roughly } from "../text/format.js";
import { markShape, pathOf, paths } from "../ui/symbols.js";
import { picker } from "../ui/picker.js";
import { BoundedMap } from "../model/ringbuffer.js";
import { layOut, Places } from "../model/rows.js";

/** The margins of the rows, in pixels: for the labels and what is below the last row. */
const left = 34;
const top = 24;
const foot = 72;
/** How long a dot shows that its node was just heard of, in milliseconds. */
const litFor = 350;
/** Of how many peers the last round trip is remembered. */
const maxPeers = 4096;

/**
 * Draws the space into host, from the events node, table, request, served and stats.
 * While there is nobody else, the element alone stands in it.
 */
export function space(host, stream, alone) {
  return new Space(host, stream, alone);
}

class Space {
  self = "";
  k = 20;
  entries = [];
  byID = new Map();
  heard = new BoundedMap(maxPeers); // id: { at, rtt }
  lit = new Map(); // id: until when
  places = new Places();
  rows = [];
  dots = new Map(); // id: { element, mark, x, y, key }
  order = []; // the dots, in reading order
  laid = null;
  stale = true;
  tabled = false; // whether the table has been told since the node began

  constructor(host, stream, alone) {
    this.build(host, alone);
    this.picker = picker(this.picture, { marks: () => this.order, onpick: (id) => this.pick(id) });
    this.draw = this.draw.bind(this);
    this.refreshDetail = atMostEvery(1000, () => this.describe());
    new ResizeObserver(() => this.redo()).observe(this.picture);
    stream.on("node", ({ id, k }) => this.begin(id, k));
    stream.on("table", ({ entries }) => this.table(entries));
    stream.on("request", (event) => this.request(event));
    stream.on("served", ({ id, at }) => this.hear(id, { at }));
    stream.on("stats", this.refreshDetail);
  }

  build(host, alone) {
    const name = uniqueID("space");
    this.bands = svg("g", { "aria-hidden": "true" });
    this.marks = svg("g", { role: "presentation" });
    this.cursor = svg("circle", { class: "cursor", r: 10 });
    this.gap = svg("text", { class: "gap" });
    this.selfDisc = disc("");
    this.selfDisc.picture.setAttribute("width", 30);
    this.selfDisc.picture.setAttribute("height", 30);
    this.selfLabel = svg("text", { class: "self" });
    this.heads = {
      bits: svg("text", { class: "head", x: 0, y: 10 }, "bits shared"),
      count: svg("text", { class: "head end", y: 10 }, "contacts"),
      share: svg("text", { class: "head end", y: 10 }, "of all ids"),
    };
    const labels = svg(
      "g",
      { "aria-hidden": "true" },
      ...Object.values(this.heads),
      this.gap,
      this.selfDisc.picture,
      this.selfLabel,
    );
    this.picture = svg(
      "svg",
      {
        class: "space",
        role: "listbox",
        tabindex: 0,
        "aria-label": "Contacts by distance, farthest first",
        "aria-describedby": name,
      },
      this.bands,
      labels,
      this.marks,
      this.cursor,
    );
    this.caption = el("p", { class: "caption", id: name }, "Nobody is known yet.");
    this.alone = el("div", { class: "alone", hidden: true }, alone);
    this.detail = detailLine("Point at a contact, or choose one with the arrow keys.");
    this.list = contactList();
    host.append(
      this.caption,
      el("div", { class: "picture-box" }, this.picture, this.alone),
      legend(),
      this.detail.element,
      this.list.element,
    );
  }

  begin(id, k) {
    this.self = id;
    this.k = k;
    this.selfDisc.update(id);
    setText(this.selfLabel, `this node, ${shortID(id)}`);
    this.heard.clear();
    this.table([]);
    this.tabled = false;
    show(this.alone, false);
  }

  table(entries) {
    this.tabled = true;
    this.entries = entries;
    this.byID = new Map(entries.map((e) => [e.id, e]));
    this.list.update(entries, this.heard);
    show(this.alone, this.tabled && !entries.length);
    this.redo();
  }

  redo() {
    this.stale = true;
    nextFrame(this.draw);
  }

  request({ at, to, stage, rtt }) {
    if (stage === "replied") {
      this.hear(to.id, { at, rtt });
    }
  }

  hear(id, { at, rtt }) {
    if (!this.byID.has(id)) {
      return;
    }
    this.heard.set(id, { at, rtt: rtt ?? this.heard.get(id)?.rtt });
    if (!document.hidden && !reducedMotion()) {
      this.lit.set(id, performance.now() + litFor);
      nextFrame(this.draw);
    }
  }

  draw(now) {
    if (this.stale) {
      this.stale = false;
      this.lay();
    }
    for (const [id, until] of this.lit) {
      const dot = this.dots.get(id);
      dot?.element.classList.toggle("lit", until > now);
      if (until <= now || !dot) {
        this.lit.delete(id);
      }
    }
    if (this.lit.size) {
      nextFrame(this.draw);
    }
  }

  lay() {
    const { clientWidth: width, clientHeight: height } = this.picture;
    if (!width) {
      return;
    }
    const right = width >= 400 ? 110 : 56;
    this.places.update(this.entries);
    this.laid = layOut(this.places, this.k, width - left - right, height - top - foot);
    this.drawRows(width, right);
    this.drawDots();
    this.drawFoot(width);
    this.words();
    this.picker.refresh();
    this.pick(this.picker.picked());
  }

  drawRows(width, right) {
    const { rows, pitch } = this.laid;
    setAttr(this.heads.count, "x", width - right + 52);
    setAttr(this.heads.share, "x", width);
    setAttr(this.heads.share, "visibility", right > 60 ? "visible" : "hidden");
    while (this.rows.length > rows.length) {
      this.rows.pop().element.remove();
    }
    while (this.rows.length < rows.length) {
      const row = newRow();
      this.rows.push(row);
      this.bands.append(row.element);
    }
    rows.forEach((laid, i) => {
      const row = this.rows[i];
      const y = laid.line + top;
      const crowded = laid.height < 13 && i % 2 === 1;
      const contacts = laid.dots.filter((d) => d.place === "bucket").length;
      setAttr(row.element, "class", contacts ? "row" : "row empty");
      setAttr(row.rule, "d", `M0 ${Math.round(laid.y + top) + 0.5}H${width}`);
      setAttr(row.sockets, "d", laid.sockets.map((s) => `M${s.x + left} ${s.y + top}h0`).join(""));
      setAttr(row.sockets, "stroke-width", Math.max(1.5, pitch / 5));
      label(row.bits, 0, y, crowded ? "" : String(laid.prefix));
      label(row.count, width - right + 52, y, crowded ? "" : contacts ? count(contacts) : "·");
      label(row.share, width, y, right > 60 && !crowded ? shareOf(laid.prefix) : "");
    });
  }

  drawDots() {
    const { rows, pitch } = this.laid;
    const r = Math.min(4.6, pitch * 0.36);
    const gone = new Set(this.dots.keys());
    this.order = [];
    for (const row of rows) {
      for (const { id, x, y } of row.dots) {
        gone.delete(id);
        const dot = this.dots.get(id) ?? this.newDot(id);
        const entry = this.byID.get(id);
        dot.x = x + left;
        dot.y = y + top;
        setAttr(dot.element, "transform", `translate(${dot.x.toFixed(1)} ${dot.y.toFixed(1)})`);
        setAttr(dot.mark, "d", markShape(pathOf(entry), entry.place === "bucket" ? r : r * 0.86));
        setAttr(dot.strike, "d", entry.fails ? `M${-r * 1.25} ${r * 1.25}L${r * 1.25} ${-r * 1.25}` : "");
        setAttr(dot.element, "class", dotClass(entry, this.lit.has(id)));
        setAttr(dot.element, "aria-label", this.sentence(entry));
        this.order.push(dot);
      }
    }
    for (const id of gone) {
      this.dots.get(id).element.remove();
      this.dots.delete(id);
      this.lit.delete(id);
    }
  }

  newDot(id) {
    const mark = svg("path");
    const strike = svg("path", { class: "strike" });
    const element = svg("g", { role: "option", id: uniqueID("contact"), "aria-selected": "false" }, mark, strike);
    const dot = { key: id, element, mark, strike, x: 0, y: 0 };
    this.dots.set(id, dot);
    this.marks.append(element);
    return dot;
  }

  drawFoot(width) {
    const y = this.laid.bottom + top;
    const last = this.laid.rows.length;
    const empty = this.places.deepest() < last - 1;
    setText(
      this.gap,
      width < 400
        ? `rows ${last} to 159: ${empty ? "nobody" : "some"} this near`
        : `rows ${last} to 159: ${empty ? "nobody is known to be this near" : "not shown"}`,
    );
    setAttr(this.gap, "x", left);
    setAttr(this.gap, "y", y + 20);
    setAttr(this.selfDisc.picture, "x", left - 8);
    setAttr(this.selfDisc.picture, "y", y + 32);
    setAttr(this.selfLabel, "x", left + 32);
    setAttr(this.selfLabel, "y", y + 51);
  }

  words() {
    const contacts = this.entries.filter((e) => e.place === "bucket");
    const waiting = this.entries.length - contacts.length;
    const rows = new Set(contacts.map((e) => e.prefix)).size;
    if (!contacts.length) {
      setText(this.caption, this.self ? "Nobody else is known." : "Nobody is known yet.");
      return;
    }
    const size = estimateSize(
      this.self,
      contacts.map((e) => e.id),
    );
    const about =
      size === null ? "" : ` By how near the nearest are, the network has about ${count(roundedSize(size))} nodes.`;
    const wait = waiting ? `, ${count(waiting)} more waiting for a place` : "";
    setText(this.caption, `${plural(contacts.length, "contact")} in ${plural(rows, "row")}${wait}.${about}`);
  }

  pick(id) {
    const dot = this.dots.get(id);
    setAttr(this.cursor, "class", dot ? "cursor on" : "cursor");
    if (dot) {
      setAttr(this.cursor, "cx", dot.x);
      setAttr(this.cursor, "cy", dot.y);
    }
    this.rows.forEach((row, i) =>
      row.element.classList.toggle("chosen", !!dot && this.laid.rows[i].prefix === this.byID.get(id).prefix),
    );
    this.describe();
  }

  describe() {
    const entry = this.byID.get(this.picker.picked());
    if (!entry) {
      this.detail.clear();
      return;
    }
    this.detail.update(entry.id, entry.prefix, entry.address, this.sentence(entry, false));
  }

  /** A contact in words. */
  sentence(entry, withID = true) {
    const heard = this.heard.get(entry.id);
    const parts = [paths[pathOf(entry)], `shares ${plural(entry.prefix, "bit")}`];
    if (withID) {
      parts.unshift(shortID(entry.id), entry.address);
    }
    if (heard?.rtt !== undefined) {
      parts.push(`round trip ${millis(heard.rtt)}`);
    }
    if (heard && !withID) {
      parts.push(`heard ${roughly(performance.now() - heard.at)} ago`);
    }
    if (entry.place === "replacement") {
      parts.push("waiting for a place");
    }
    if (entry.fails) {
      parts.push(`${plural(entry.fails, "request")} in a row unanswered`);
    }
    return parts.join(", ");
  }
}

/** An estimate is no more exact than two digits. */
function roundedSize(n) {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(n)) - 1);
  return Math.round(n / unit) * unit;
}

function dotClass(entry, lit) {
  const place = entry.place === "bucket" ? "" : " waiting";
  return `dot ${pathOf(entry)}${place}${entry.fails ? " failing" : ""}${lit ? " lit" : ""}`;
}

function newRow() {
  const row = {
    rule: svg("path", { class: "rule" }),
    sockets: svg("path", { class: "sockets" }),
    bits: svg("text", { class: "bits" }),
    count: svg("text", { class: "count end" }),
    share: svg("text", { class: "share end" }),
  };
  row.element = svg("g", { class: "row" }, row.rule, row.sockets, row.bits, row.count, row.share);
  return row;
}

function label(text, x, y, content) {
  setAttr(text, "x", x);
  setAttr(text, "y", (y + 4).toFixed(1));
  setText(text, content);
}

const superscripts = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** What share of all ids a row is for: 1/2, 1/4, …, 2⁻¹². */
function shareOf(prefix) {
  if (prefix < 10) {
    return `1/${2 ** (prefix + 1)}`;
  }
  return `2⁻${String(prefix + 1).replace(/\d/g, (d) => superscripts[d])}`;
}

function legend() {
  const entry = (cls, path, words) => {
    const r = 4.6;
    const strike = cls.includes("failing") ? svg("path", { class: "strike", d: "M-5.8 5.8L5.8 -5.8" }) : null;
    const picture = svg(
      "svg",
      { viewBox: "-8 -8 16 16", width: 16, height: 16, "aria-hidden": "true" },
      svg("g", { class: `dot ${cls}` }, svg("path", { d: markShape(path, r) }), strike),
    );
    return el("li", {}, picture, words);
  };
  return el(
    "ul",
    { class: "legend" },
    entry("relay", "relay", "contact"),
    entry("direct", "direct", "reached directly"),
    entry("relay waiting", "relay", "waiting"),
    entry("relay failing", "relay", "not answering"),
  );
}
