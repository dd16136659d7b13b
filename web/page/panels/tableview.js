// The routing table as a picture of the space around the node. A row has the contacts
// whose ids share a number of leading bits with the node's own id, so each row is for
// half as many ids as the row above. Rows far away are full; rows near the node are empty.

import { estimateSize, shortID } from "../model/ids.js";
import { BoundedMap } from "../model/ringbuffer.js";
import { layOut, Places } from "../model/rows.js";
import { count, millis, plural, roughly } from "../text/format.js";
import { DetailLine } from "../ui/detail.js";
import { el, setAttr, setText, show, svg, uniqueID } from "../ui/dom.js";
import { atMostEvery, oncePerFrame, reducedMotion } from "../ui/frame.js";
import { Identicon } from "../ui/identicon.js";
import { Picker } from "../ui/picker.js";
import { pathOf, paths } from "../ui/symbols.js";
import { ContactList } from "./contacts.js";
import { ContactDot, left, tableLegend, TableRow, top } from "./tablerows.js";

/** @import { TableEntry } from "../../kadmesh/kadmesh.js" */
/** @import { StartedNode, Stream } from "../model/stream.js" */
/** @import { Heard } from "./contacts.js" */

/** The room below the last row, in pixels. */
const foot = 72;
/** How long a dot lights up after an answer of its node, in milliseconds. */
const litFor = 350;
/** Of how many peers the last round trip is remembered. */
const maxPeers = 4096;

/** The panel of the routing table, drawn from the events node, table, request, served and stats. */
export class TablePanel {
  #caption = el("p", { class: "caption", id: uniqueID("table") }, "Nobody is known yet.");
  #bands = svg("g", { "aria-hidden": "true" });
  #marks = svg("g", { role: "presentation" });
  #cursor = svg("circle", { class: "cursor", r: 10 });
  #gap = svg("text", { class: "gap" });
  #selfPicture = new Identicon();
  #selfLabel = svg("text", { class: "self" });
  #countHead = svg("text", { class: "head end", y: 10 }, "contacts");
  #shareHead = svg("text", { class: "head end", y: 10 }, "of all ids");
  #picture = svg(
    "svg",
    {
      class: "tableview",
      role: "listbox",
      tabindex: 0,
      "aria-label": "Contacts by distance, farthest first",
      "aria-describedby": this.#caption.id,
    },
    this.#bands,
    svg(
      "g",
      { "aria-hidden": "true" },
      svg("text", { class: "head", x: 0, y: 10 }, "bits shared"),
      this.#countHead,
      this.#shareHead,
      this.#gap,
      this.#selfPicture.element,
      this.#selfLabel,
    ),
    this.#marks,
    this.#cursor,
  );
  #empty;
  #detail = new DetailLine("Point at a contact, or choose one with the arrow keys.");
  #list = new ContactList();
  /** @type {TableRow[]} */
  #rows = [];
  /** @type {Map<string, ContactDot>} */
  #dots = new Map(); // by id
  /** @type {ContactDot[]} */
  #order = []; // the dots in reading order
  #picker = new Picker(
    this.#picture,
    () => this.#order,
    () => this.#drawChoice(),
  );
  #self = ""; // the id of the node
  #k = 20;
  /** @type {Map<string, TableEntry>} */
  #entries = new Map(); // by id
  /** @type {BoundedMap<string, Heard>} */
  #heard = new BoundedMap(maxPeers); // by id
  /** @type {Map<string, number>} */
  #lit = new Map(); // until when, by id
  #places = new Places();
  #laid = layOut(this.#places, this.#k, 0, 0);
  #stale = true; // the dots are not where they should be
  #redraw = oncePerFrame((now) => this.#draw(now));
  #refreshDetail = atMostEvery(1000, () => this.#describe());

  /**
   * @param {HTMLElement} host
   * @param {Stream} stream
   * @param {Element} empty stands in place of the picture while the table is empty
   */
  constructor(host, stream, empty) {
    this.#selfPicture.element.setAttribute("width", "30");
    this.#selfPicture.element.setAttribute("height", "30");
    this.#empty = el("div", { class: "emptystate", hidden: true }, empty);
    const box = el("div", { class: "picture-box" }, this.#picture, this.#empty);
    host.append(this.#caption, box, tableLegend(), this.#detail.element, this.#list.element);
    new ResizeObserver(() => this.#layAgain()).observe(this.#picture);
    stream.on("node", (node) => this.#begin(node));
    stream.on("table", ({ entries }) => {
      this.#setEntries(entries);
      show(this.#empty, !entries.length);
    });
    stream.on("request", ({ at, to, stage, rtt }) => {
      if (stage === "replied") {
        this.#hear(to.id, at, rtt);
      }
    });
    stream.on("served", ({ id, at }) => this.#hear(id, at, this.#heard.get(id)?.rtt));
    stream.on("stats", this.#refreshDetail);
  }

  /** @param {StartedNode} node */
  #begin({ id, k }) {
    this.#self = id;
    this.#k = k;
    this.#selfPicture.update(id);
    setText(this.#selfLabel, `this node, ${shortID(id)}`);
    this.#heard.clear();
    this.#setEntries([]);
    show(this.#empty, false);
  }

  /** @param {TableEntry[]} entries */
  #setEntries(entries) {
    this.#entries = new Map(entries.map((entry) => [entry.id, entry]));
    this.#list.update(entries, this.#heard);
    this.#layAgain();
  }

  /** Has the dots laid out again. */
  #layAgain() {
    this.#stale = true;
    this.#redraw();
  }

  /**
   * @param {string} id
   * @param {number} at
   * @param {number | undefined} rtt
   */
  #hear(id, at, rtt) {
    if (!this.#entries.has(id)) {
      return;
    }
    this.#heard.set(id, { at, rtt });
    if (!document.hidden && !reducedMotion()) {
      this.#lit.set(id, performance.now() + litFor);
      this.#redraw();
    }
  }

  /** @param {number} now */
  #draw(now) {
    if (this.#stale) {
      this.#stale = false;
      this.#lay();
    }
    for (const [id, until] of this.#lit) {
      const dot = this.#dots.get(id);
      if (dot) {
        dot.lit = until > now;
      }
      if (!dot || until <= now) {
        this.#lit.delete(id);
      }
    }
    if (this.#lit.size) {
      this.#redraw();
    }
  }

  #lay() {
    const { clientWidth: width, clientHeight: height } = this.#picture;
    if (!width) {
      return;
    }
    const right = width >= 400 ? 110 : 56;
    this.#places.update([...this.#entries.values()]);
    this.#laid = layOut(this.#places, this.#k, width - left - right, height - top - foot);
    this.#drawRows(width, right);
    this.#drawDots();
    this.#drawFoot(width);
    this.#drawCaption();
    this.#picker.refresh();
    this.#drawChoice();
  }

  /**
   * @param {number} width
   * @param {number} right
   */
  #drawRows(width, right) {
    const { rows, pitch } = this.#laid;
    setAttr(this.#countHead, "x", width - right + 52);
    setAttr(this.#shareHead, "x", width);
    setAttr(this.#shareHead, "visibility", right > 60 ? "visible" : "hidden");
    while (this.#rows.length > rows.length) {
      this.#rows.pop()?.element.remove();
    }
    while (this.#rows.length < rows.length) {
      const row = new TableRow();
      this.#rows.push(row);
      this.#bands.append(row.element);
    }
    rows.forEach((laid, i) => {
      const labelled = laid.height >= 13 || i % 2 === 0;
      this.#rows[i].update(laid, pitch, width, right, labelled);
    });
  }

  #drawDots() {
    const gone = new Map(this.#dots);
    this.#order = [];
    for (const { id, x, y } of this.#laid.rows.flatMap((row) => row.dots)) {
      const entry = this.#entries.get(id);
      if (!entry) {
        continue;
      }
      gone.delete(id);
      const dot = this.#dots.get(id) ?? this.#newDot(id);
      dot.update(entry, x + left, y + top, this.#laid.pitch, this.#lit.has(id), this.#label(entry));
      this.#order.push(dot);
    }
    for (const [id, dot] of gone) {
      dot.element.remove();
      this.#dots.delete(id);
      this.#lit.delete(id);
    }
  }

  /** @param {string} id */
  #newDot(id) {
    const dot = new ContactDot(id);
    this.#dots.set(id, dot);
    this.#marks.append(dot.element);
    return dot;
  }

  /** @param {number} width */
  #drawFoot(width) {
    const y = this.#laid.bottom + top;
    const last = this.#laid.rows.length;
    const empty = this.#places.deepest() < last - 1;
    const short = `${empty ? "nobody" : "some"} this near`;
    const long = empty ? "nobody is known to be this near" : "not shown";
    setText(this.#gap, `rows ${last} to 159: ${width < 400 ? short : long}`);
    setAttr(this.#gap, "x", left);
    setAttr(this.#gap, "y", y + 20);
    setAttr(this.#selfPicture.element, "x", left - 8);
    setAttr(this.#selfPicture.element, "y", y + 32);
    setAttr(this.#selfLabel, "x", left + 32);
    setAttr(this.#selfLabel, "y", y + 51);
  }

  #drawCaption() {
    const contacts = [...this.#entries.values()].filter((entry) => entry.place === "bucket");
    if (!contacts.length) {
      setText(this.#caption, this.#self ? "Nobody else is known." : "Nobody is known yet.");
      return;
    }
    const waiting = this.#entries.size - contacts.length;
    const wait = waiting ? `, ${count(waiting)} more waiting for a place` : "";
    const rows = new Set(contacts.map((entry) => entry.prefix)).size;
    const ids = contacts.map((entry) => entry.id);
    const size = this.#self ? estimateSize(this.#self, ids) : null;
    const nodes = size === null ? "" : count(roundedSize(size));
    const about = nodes && ` By how near the nearest are, the network has about ${nodes} nodes.`;
    setText(this.#caption, `${plural(contacts.length, "contact")} in ${plural(rows, "row")}${wait}.${about}`);
  }

  /** Marks the chosen contact and its row. */
  #drawChoice() {
    const id = this.#picker.picked ?? "";
    const dot = this.#dots.get(id);
    setAttr(this.#cursor, "class", dot ? "cursor on" : "cursor");
    if (dot) {
      setAttr(this.#cursor, "cx", dot.x);
      setAttr(this.#cursor, "cy", dot.y);
    }
    const prefix = dot ? this.#entries.get(id)?.prefix : undefined;
    this.#rows.forEach((row, i) => (row.chosen = this.#laid.rows[i].prefix === prefix));
    this.#describe();
  }

  /** Describes the chosen contact below the picture. */
  #describe() {
    const entry = this.#entries.get(this.#picker.picked ?? "");
    if (!entry) {
      this.#detail.clear();
      return;
    }
    const heard = this.#heard.get(entry.id);
    const ago = heard && `heard ${roughly(performance.now() - heard.at)} ago`;
    this.#detail.update(entry.id, entry.prefix, entry.address, this.#sentence(entry, ago));
  }

  /** @param {TableEntry} entry */
  #label(entry) {
    return `${shortID(entry.id)}, ${entry.address}, ${this.#sentence(entry)}`;
  }

  /**
   * A contact in words.
   *
   * @param {TableEntry} entry
   * @param {string} [ago] when its node was last heard of
   */
  #sentence(entry, ago) {
    const rtt = this.#heard.get(entry.id)?.rtt;
    const parts = [
      paths[pathOf(entry)],
      `shares ${plural(entry.prefix, "bit")}`,
      rtt === undefined ? undefined : `round trip ${millis(rtt)}`,
      ago,
      entry.place === "replacement" ? "waiting for a place" : undefined,
      entry.fails ? `${plural(entry.fails, "request")} in a row unanswered` : undefined,
    ];
    return parts.filter((part) => part !== undefined).join(", ");
  }
}

/**
 * An estimate with two digits: it is no more exact.
 *
 * @param {number} n
 */
function roundedSize(n) {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(n)) - 1);
  return Math.round(n / unit) * unit;
}
