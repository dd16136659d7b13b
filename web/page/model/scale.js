// How a lookup fits into a picture. Scales change in steps, so that a picture
// that grows does not creep.

import { niceAbove } from "../text/format.js";

/** The least that is shown: so many bits of distance, so many milliseconds. */
const minBits = 8;
const minTime = 1;

/**
 * The scales of a trace in a box with margins, at the time now. Time goes on a
 * little after the lookup's end: answers that are waited for no longer run off
 * the edge.
 */
export function scaleOf(trace, now, box) {
  const maxTime = niceTime(Math.max(minTime, trace.extent(now) * (trace.done ? 1.12 : 1.02)));
  const nearest = Math.min(160, ...trace.requests.map((r) => Math.max(0, r.distance)));
  const minBit = Math.max(0, Math.min(160 - minBits, 2 * Math.floor((nearest - 0.7) / 2)));
  const width = box.width - box.left - box.right;
  const height = box.height - box.top - box.bottom;
  return {
    maxTime,
    x: (t) => box.left + (Math.min(Math.max(t, 0), maxTime) / maxTime) * width,
    y: (d) => box.top + ((160 - Math.max(d, minBit)) / (160 - minBit)) * height,
    /** The distances that the axis names: whole numbers, no nearer than 22 pixels. */
    distances: () => series(minBit, 160, niceStep(((160 - minBit) * 22) / height)).reverse(),
    /** The times that the axis names. */
    times: () => series(0, maxTime, niceAbove((maxTime * 64) / width)),
  };
}

/** Finer than 1, 2, 5: the picture should be filled by its lookup. */
function niceTime(t) {
  const power = 10 ** Math.floor(Math.log10(t));
  const step = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((s) => s * power >= t * (1 - 1e-9));
  return step * power;
}

function niceStep(x) {
  return [1, 2, 4, 5, 10, 20, 40].find((s) => s >= x) ?? 80;
}

function series(from, to, step) {
  const list = [];
  for (let i = Math.ceil(from / step - 1e-9); i * step <= to * (1 + 1e-9); i++) {
    list.push(Number((i * step).toPrecision(12)));
  }
  return list;
}
