// Pictures are drawn at most once a frame, however many events there are. A hidden
// page has no frames.

/** @typedef {(now: number) => void} Draw now is as of performance.now() */

/** @type {Set<Draw>} */
const due = new Set();
let asked = false;

/**
 * Calls draw once, with the next frame.
 *
 * @param {Draw} draw
 */
export function nextFrame(draw) {
  due.add(draw);
  if (!asked) {
    asked = true;
    requestAnimationFrame(run);
  }
}

/** @type {Draw} */
function run(now) {
  asked = false;
  const list = [...due];
  due.clear();
  for (const draw of list) {
    try {
      draw(now);
    } catch (error) {
      reportError(error);
    }
  }
}

/**
 * A function that has draw called with a later frame, at most once in ms milliseconds.
 * Nobody reads a panel of figures 60 times a second.
 *
 * @param {number} ms
 * @param {Draw} draw
 */
export function atMostEvery(ms, draw) {
  let last = -Infinity;
  let timer = 0;
  const now = () => {
    timer = 0;
    last = performance.now();
    nextFrame(draw);
  };
  return () => {
    if (timer) {
      return;
    }
    const wait = last + ms - performance.now();
    if (wait <= 0) {
      now();
    } else {
      timer = setTimeout(now, wait);
    }
  };
}

/**
 * A function that has draw called with the next frame.
 *
 * @param {Draw} draw
 */
export function oncePerFrame(draw) {
  return () => nextFrame(draw);
}

/** Whether the person asked for less motion. */
export function reducedMotion() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
