// The parts of the picture of the routing table: rows, and symbols of contacts.

import { count } from "../text/format.js";
import { el, setAttr, setText, svg, uniqueID } from "../ui/dom.js";
import { pathOf, symbolShape } from "../ui/symbols.js";

/** @import { TableEntry } from "../../kadmesh/kadmesh.js" */
/** @import { layOut } from "../model/rows.js" */
/** @typedef {ReturnType<typeof layOut>["rows"][number]} LaidRow */

/** Where the rows begin, in pixels: labels stand to the left and above. */
export const left = 34;
export const top = 24;

const maxRadius = 4.6;
const strikeShape = (/** @type {number} */ r) => `M${-r * 1.25} ${r * 1.25}L${r * 1.25} ${-r * 1.25}`;

/** A row of the table: its labels and its free sockets. */
export class TableRow {
  /** @type {SVGGElement} */
  element;
  #rule = svg("path", { class: "rule" });
  #sockets = svg("path", { class: "sockets" });
  #bits = svg("text", { class: "bits" });
  #count = svg("text", { class: "count end" });
  #share = svg("text", { class: "share end" });

  constructor() {
    this.element = svg("g", { class: "row" }, this.#rule, this.#sockets, this.#bits, this.#count, this.#share);
  }

  /**
   * @param {LaidRow} row
   * @param {number} pitch of the sockets
   * @param {number} width of the picture
   * @param {number} right its margin; narrow pictures have no room for shares
   * @param {boolean} labelled
   */
  update(row, pitch, width, right, labelled) {
    const y = row.line + top;
    const contacts = row.dots.filter((dot) => dot.place === "bucket").length;
    setAttr(this.element, "class", contacts ? "row" : "row empty");
    setAttr(this.#rule, "d", `M0 ${Math.round(row.y + top) + 0.5}H${width}`);
    setAttr(this.#sockets, "d", row.sockets.map((s) => `M${s.x + left} ${s.y + top}h0`).join(""));
    setAttr(this.#sockets, "stroke-width", Math.max(1.5, pitch / 5));
    label(this.#bits, 0, y, labelled ? String(row.prefix) : "");
    label(this.#count, width - right + 52, y, !labelled ? "" : contacts ? count(contacts) : "·");
    label(this.#share, width, y, right > 60 && labelled ? shareOf(row.prefix) : "");
  }

  /** @param {boolean} chosen a contact in the row is chosen */
  set chosen(chosen) {
    this.element.classList.toggle("chosen", chosen);
  }
}

/** A contact in the picture. Its key is the id. */
export class ContactDot {
  /** @type {SVGGElement} */
  element;
  key;
  x = 0;
  y = 0;
  #symbol = svg("path");
  #strike = svg("path", { class: "strike" });

  /** @param {string} id */
  constructor(id) {
    this.key = id;
    const props = { role: "option", id: uniqueID("contact"), "aria-selected": "false" };
    this.element = svg("g", props, this.#symbol, this.#strike);
  }

  /**
   * @param {TableEntry} entry
   * @param {number} x
   * @param {number} y
   * @param {number} pitch of the sockets
   * @param {boolean} lit
   * @param {string} words
   */
  update(entry, x, y, pitch, lit, words) {
    const r = Math.min(maxRadius, pitch * 0.36);
    this.x = x;
    this.y = y;
    setAttr(this.element, "transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
    setAttr(this.#symbol, "d", symbolShape(pathOf(entry), entry.place === "bucket" ? r : r * 0.86));
    setAttr(this.#strike, "d", entry.fails ? strikeShape(r) : "");
    setAttr(this.element, "class", dotClass(entry, lit));
    setAttr(this.element, "aria-label", words);
  }

  /** @param {boolean} lit the node was just heard of */
  set lit(lit) {
    this.element.classList.toggle("lit", lit);
  }
}

/** @type {(entry: TableEntry, lit: boolean) => string} */
function dotClass(entry, lit) {
  const place = entry.place === "bucket" ? "" : " waiting";
  return `dot ${pathOf(entry)}${place}${entry.fails ? " failing" : ""}${lit ? " lit" : ""}`;
}

/** @type {(text: SVGTextElement, x: number, y: number, content: string) => void} */
function label(text, x, y, content) {
  setAttr(text, "x", x);
  setAttr(text, "y", (y + 4).toFixed(1));
  setText(text, content);
}

const superscripts = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/**
 * The share of all ids that a row is for: 1/2, 1/4, …, 2⁻¹².
 *
 * @param {number} prefix
 */
function shareOf(prefix) {
  if (prefix < 10) {
    return `1/${2 ** (prefix + 1)}`;
  }
  return `2⁻${String(prefix + 1).replace(/\d/g, (digit) => superscripts[Number(digit)])}`;
}

/** The legend of the picture. */
export function tableLegend() {
  return el(
    "ul",
    { class: "legend" },
    legendEntry("relay", "relay", "contact"),
    legendEntry("direct", "direct", "reached directly"),
    legendEntry("relay waiting", "relay", "waiting"),
    legendEntry("relay failing", "relay", "not answering", svg("path", { class: "strike", d: "M-5.8 5.8L5.8 -5.8" })),
  );
}

/** @type {(cls: string, path: string, words: string, strike?: Element) => Element} */
function legendEntry(cls, path, words, strike) {
  const dot = svg("g", { class: `dot ${cls}` }, svg("path", { d: symbolShape(path, maxRadius) }), strike);
  const box = { viewBox: "-8 -8 16 16", width: 16, height: 16, "aria-hidden": "true" };
  return el("li", {}, svg("svg", box, dot), words);
}
