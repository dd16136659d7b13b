// An id as a picture: a disc like that of a rotary encoder. Its 40 sectors are the
// id's hexadecimal digits, clockwise from the top; its four tracks are their
// bits, the most significant one outermost. Two ids look alike as far as they
// are alike.

import { bitsOf, idBits } from "../model/ids.js";
import { setAttr, svg } from "./dom.js";

const tracks = 4;
const sectors = idBits / tracks;

/** The radii, for a disc of radius 50. */
const outer = 48;
const inner = 21;
const trackWidth = (outer - inner) / tracks;

/**
 * The picture of an id. With shared, the id's first so many bits, which another id
 * has in common with it, are told apart from the rest.
 */
export function disc(id, { shared = 0, label } = {}) {
  const own = svg("path", { class: "disc-bits" });
  const common = svg("path", { class: "disc-shared" });
  const picture = svg(
    "svg",
    { class: "disc", viewBox: "0 0 100 100", focusable: "false" },
    svg("circle", { class: "disc-plate", cx: 50, cy: 50, r: 49.5 }),
    own,
    common,
    svg("circle", { class: "disc-hub", cx: 50, cy: 50, r: inner - trackWidth / 2 }),
    svg("circle", { class: "disc-axle", cx: 50, cy: 50, r: 2.5 }),
    svg("path", { class: "disc-index", d: "M50 33.5l3.4 6h-6.8z" }),
  );
  if (label) {
    picture.setAttribute("role", "img");
    picture.setAttribute("aria-label", label);
  } else {
    picture.setAttribute("aria-hidden", "true");
  }
  const update = (newID, newShared = 0) => {
    setAttr(own, "d", newID ? bitsPath(newID, newShared, idBits) : "");
    setAttr(common, "d", newID ? bitsPath(newID, 0, newShared) : "");
  };
  update(id, shared);
  return { picture, update };
}

/** The outline of an id's one bits from one place to before another. */
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

/** Sectors next to each other that are set in a track, as pairs [first, after the last]. */
function runs(bits, track, from, to) {
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

function point(r, sector) {
  const angle = (sector / sectors) * 2 * Math.PI;
  return `${(50 + r * Math.sin(angle)).toFixed(2)} ${(50 - r * Math.cos(angle)).toFixed(2)}`;
}
