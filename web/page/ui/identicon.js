// An id as a picture: a disc like that of a rotary encoder. Its 40 sectors are the
// hexadecimal digits of the id, clockwise from the top. Its four tracks are the bits
// of a digit, the most significant one outermost. Similar ids look similar.

import { bitsOf, idBits } from "../model/ids.js";
import { setAttr, svg } from "./dom.js";

const tracks = 4;
const sectors = idBits / tracks;

/** The radii, for a disc of radius 50. */
const outer = 48;
const inner = 21;
const trackWidth = (outer - inner) / tracks;

/** The picture of an id. */
export class Identicon {
  /** @type {SVGSVGElement} */
  element;
  #bits = svg("path", { class: "identicon-bits" });
  #shared = svg("path", { class: "identicon-shared" });

  /** @param {string} [label] for screen readers; without it the picture is hidden from them */
  constructor(label) {
    const said = label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" };
    this.element = svg(
      "svg",
      { class: "identicon", viewBox: "0 0 100 100", focusable: "false", ...said },
      svg("circle", { class: "identicon-plate", cx: 50, cy: 50, r: 49.5 }),
      this.#bits,
      this.#shared,
      svg("circle", { class: "identicon-hub", cx: 50, cy: 50, r: inner - trackWidth / 2 }),
      svg("circle", { class: "identicon-axle", cx: 50, cy: 50, r: 2.5 }),
      svg("path", { class: "identicon-index", d: "M50 33.5l3.4 6h-6.8z" }),
    );
  }

  /**
   * Draws an id. Its first bits, as many as shared says, are told apart from the rest.
   *
   * @param {string} id
   * @param {number} shared 0 to 160
   */
  update(id, shared = 0) {
    setAttr(this.#bits, "d", bitsPath(id, shared, idBits));
    setAttr(this.#shared, "d", bitsPath(id, 0, shared));
  }
}

/**
 * The outline of an id's one bits, from place from to before place to.
 *
 * @param {string} id
 * @param {number} from
 * @param {number} to
 */
export function bitsPath(id, from, to) {
  const bits = bitsOf(id);
  const parts = [];
  for (let track = 0; track < tracks; track++) {
    for (const [first, after] of runs(bits, track, from, to)) {
      parts.push(arc(track, first, after));
    }
  }
  return parts.join("");
}

/**
 * Sectors next to each other that are set in a track, as pairs [first, after the last].
 *
 * @param {Uint8Array} bits
 * @param {number} track
 * @param {number} from
 * @param {number} to
 */
function runs(bits, track, from, to) {
  /** @type {[number, number][]} */
  const list = [];
  let start = -1;
  for (let sector = 0; sector <= sectors; sector++) {
    const i = sector * tracks + track;
    const set = sector < sectors && i >= from && i < to && bits[i] === 1;
    if (set && start < 0) {
      start = sector;
    } else if (!set && start >= 0) {
      list.push([start, sector]);
      start = -1;
    }
  }
  return list;
}

/** @type {(track: number, first: number, after: number) => string} */
function arc(track, first, after) {
  const r1 = outer - track * trackWidth;
  const r2 = r1 - trackWidth + 0.8;
  const large = after - first > sectors / 2 ? 1 : 0;
  if (after - first === sectors) {
    return arc(track, 0, sectors / 2) + arc(track, sectors / 2, sectors);
  }
  return (
    `M${point(r1, first)}A${r1} ${r1} 0 ${large} 1 ${point(r1, after)}` +
    `L${point(r2, after)}A${r2} ${r2} 0 ${large} 0 ${point(r2, first)}Z`
  );
}

/** @type {(r: number, sector: number) => string} */
function point(r, sector) {
  const angle = (sector / sectors) * 2 * Math.PI;
  return `${(50 + r * Math.sin(angle)).toFixed(2)} ${(50 - r * Math.cos(angle)).toFixed(2)}`;
}
