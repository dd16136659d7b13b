// Pictures are drawn at most once a frame, however many events there are, and
// not at all while nobody can see them.

const due = new Set();
let asked = false;

/** Calls draw once, with the next frame. */
export function nextFrame(draw) {
  due.add(draw);
  if (!asked) {
    asked = true;
    requestAnimationFrame(run);
  }
}

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
 * A function that has draw called with a later frame, and no more often than every
 * so many milliseconds: for panels of figures, which nobody reads 60 times a second.
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

/** Whether the person asked for less motion. */
export function reducedMotion() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
