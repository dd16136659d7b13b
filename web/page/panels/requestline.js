// A request in the picture of a lookup: a line from asking to the answer, with a symbol
// at its end.

import { shortID } from "../model/ids.js";
import { millis } from "../text/format.js";
import { el, setAttr, svg, uniqueID } from "../ui/dom.js";
import { symbolShape } from "../ui/symbols.js";

/** @import { Scale } from "../model/scale.js" */
/** @import { Request } from "../model/trace.js" */

const symbolRadius = 4;
const crossShape = "M-3.5 -3.5L3.5 3.5M-3.5 3.5L3.5 -3.5";
const arrowShape = "M-5 -3.5L0 0L-5 3.5";

/** A request in the picture. Its key is the request. */
export class RequestLine {
  /** @type {SVGGElement} */
  element;
  key;
  x = 0; // of the end, in pixels
  y = 0;
  #line = svg("path", { class: "wait" });
  #late = svg("path", { class: "wait late" });
  #symbol = svg("path", { class: "mark" });

  /** @param {Request} request */
  constructor(request) {
    this.key = request;
    const props = { role: "option", id: uniqueID("request"), "aria-selected": "false" };
    this.element = svg("g", props, this.#line, this.#late, this.#symbol);
  }

  /**
   * @param {Scale} scale
   * @param {number} begin of the lookup
   * @param {number} now
   * @param {string} path by which the peer is reached
   */
  update(scale, begin, now, path) {
    const r = this.key;
    const start = scale.x(r.sent - begin);
    const until = (r.end ?? now) - begin;
    const beyond = until > scale.maxTime;
    this.x = Math.max(scale.x(until), start + 3);
    this.y = scale.y(r.distance);
    const x = this.x.toFixed(1);
    const y = this.y.toFixed(1);
    const soft = r.late === null ? this.x : Math.min(this.x, scale.x(r.late - begin));
    setAttr(this.#line, "d", `M${start.toFixed(1)} ${y}H${soft.toFixed(1)}`);
    setAttr(this.#late, "d", soft < this.x ? `M${soft.toFixed(1)} ${y}H${x}` : "");
    setAttr(this.#symbol, "d", beyond ? arrowShape : endShape(r, path));
    setAttr(this.#symbol, "transform", `translate(${x} ${y})`);
    setAttr(this.element, "class", lineClass(r, path, beyond));
    setAttr(this.element, "aria-label", `${shortID(r.to.id)}, ${requestWords(r)}`);
  }
}

/**
 * A request in words.
 *
 * @param {Request} r
 */
export function requestWords(r) {
  return `${r.method}, distance 2^${Math.max(0, r.distance).toFixed(1)}, ${outcome(r)}`;
}

/** @param {Request} r */
function outcome(r) {
  switch (r.stage) {
    case "sent":
      return "no answer yet";
    case "late":
      return "slow: somebody else is asked as well";
    case "overdue":
      return "overdue: nobody waits for it any more";
    case "lost":
      return "never answered";
    case "replied":
      return `answered after ${millis(r.rtt ?? 0)}${r.late === null ? "" : ", late"}`;
  }
}

/** @type {(r: Request, path: string) => string} */
function endShape(r, path) {
  if (r.stage === "replied") {
    return symbolShape(path, symbolRadius);
  }
  return r.stage === "lost" ? crossShape : "M0 -3V3";
}

/** @type {(r: Request, path: string, beyond: boolean) => string} */
function lineClass(r, path, beyond) {
  const answered = r.stage === "replied" && !beyond;
  const late = answered && r.late !== null ? " tardy" : "";
  return `request ${answered ? "answered" : r.stage} ${path}${late}${r.method === "store" ? " store" : ""}`;
}

/** The legend of the picture. */
export function requestLegend() {
  const dot = symbolShape("relay", symbolRadius);
  const stairs = svg("path", { class: "stairs", d: "M2 3H12V8H22V13H32" });
  return el(
    "ul",
    { class: "legend" },
    legendEntry("answered relay", dot, "answered"),
    legendEntry("answered tardy relay", dot, "late", "M14 8H26"),
    legendEntry("lost relay", crossShape, "no answer", "M14 8H26"),
    legendEntry("answered store relay", dot, "stored"),
    el("li", {}, svg("svg", legendBox, stairs), "nearest so far"),
  );
}

const legendBox = { viewBox: "0 0 34 16", width: 34, height: 16, "aria-hidden": "true" };

/** @type {(cls: string, shape: string, words: string, late?: string) => Element} */
function legendEntry(cls, shape, words, late = "") {
  const line = svg(
    "g",
    { class: `request ${cls}` },
    svg("path", { class: "wait", d: late ? "M2 8H14" : "M2 8H26" }),
    svg("path", { class: "wait late", d: late }),
    svg("path", { class: "mark", d: shape, transform: "translate(26 8)" }),
  );
  return el("li", {}, svg("svg", legendBox, line), words);
}
