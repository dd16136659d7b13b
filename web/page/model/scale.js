// How a lookup fits into a picture. Scales change in steps, so that a growing picture
// does not creep.

import { niceAbove } from "../text/format.js";

/** @import { Trace } from "./trace.js" */
/** @typedef {ReturnType<typeof scaleOf>} Scale */

/** The smallest range of a scale, in bits of distance and in milliseconds. */
const minBits = 8;
const minTime = 1;

/**
 * The scales of a trace in a box with margins, at the time now. Time goes on a little
 * after the end of the lookup: answers that came too late run off the edge.
 *
 * @param {Trace} trace
 * @param {number} now
 * @param {{ width: number, height: number, left: number, right: number, top: number, bottom: number }} box
 */
export function scaleOf(trace, now, box) {
  const maxTime = niceTime(Math.max(minTime, trace.extent(now) * (trace.done ? 1.12 : 1.02)));
  const nearest = Math.min(160, ...trace.requests.map((r) => Math.max(0, r.distance)));
  const minBit = Math.max(0, Math.min(160 - minBits, 2 * Math.floor((nearest - 0.7) / 2)));
  const width = box.width - box.left - box.right;
  const height = box.height - box.top - box.bottom;
  return {
    maxTime,
    x: (/** @type {number} */ t) => box.left + (Math.min(Math.max(t, 0), maxTime) / maxTime) * width,
    y: (/** @type {number} */ d) => box.top + ((160 - Math.max(d, minBit)) / (160 - minBit)) * height,
    /** The distances at the axis: whole numbers, at least 22 pixels apart. */
    distances: () => series(minBit, 160, niceStep(((160 - minBit) * 22) / height)).reverse(),
    /** The times at the axis, at least 64 pixels apart. */
    times: () => series(0, maxTime, niceAbove((maxTime * 64) / width)),
  };
}

/**
 * The next number that is not below t of a series finer than 1, 2, 5: the lookup should
 * fill its picture.
 *
 * @param {number} t
 */
function niceTime(t) {
  const power = 10 ** Math.floor(Math.log10(t));
  const step = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((s) => s * power >= t * (1 - 1e-9)) ?? 10;
  return step * power;
}

/** @param {number} x */
function niceStep(x) {
  return [1, 2, 4, 5, 10, 20, 40].find((s) => s >= x) ?? 80;
}

/** @type {(from: number, to: number, step: number) => number[]} */
function series(from, to, step) {
  const list = [];
  for (let i = Math.ceil(from / step - 1e-9); i * step <= to * (1 + 1e-9); i++) {
    list.push(Number((i * step).toPrecision(12)));
  }
  return list;
}
