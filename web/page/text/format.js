// Figures for people. The number of digits depends on the size only, so that a changing
// figure does not dance.

const grouped = new Intl.NumberFormat("en");

/**
 * 8137 is "8,137".
 *
 * @param {number} n
 */
export function count(n) {
  return grouped.format(n);
}

/**
 * "1 node", "2 nodes". An irregular plural is given as many.
 *
 * @param {number} n
 * @param {string} one
 */
export function plural(n, one, many = one + "s") {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/**
 * A measured time: "0.4 ms", "38 ms", "1.24 s", "12.4 s", then as span.
 *
 * @param {number} ms
 */
export function millis(ms) {
  if (ms < 9.95) {
    return `${ms.toFixed(1)} ms`;
  }
  if (ms < 999.5) {
    return `${Math.round(ms)} ms`;
  }
  if (ms < 59_950) {
    return `${(ms / 1000).toFixed(ms < 9995 ? 2 : 1)} s`;
  }
  return span(ms);
}

/** @type {[big: string, bigMs: number, small: string, smallMs: number][]} */
const units = [
  ["d", 86_400_000, "h", 3_600_000],
  ["h", 3_600_000, "min", 60_000],
  ["min", 60_000, "s", 1000],
];

/**
 * A length of time with its two largest units: "3 h 05 min", "2 min 14 s", "9 s".
 *
 * @param {number} ms
 */
export function span(ms) {
  const rest = Math.max(0, ms);
  for (const [big, bigMs, small, smallMs] of units) {
    if (rest >= bigMs) {
      const n = Math.floor(rest / bigMs);
      const m = Math.floor((rest % bigMs) / smallMs);
      return `${n} ${big} ${String(m).padStart(2, "0")} ${small}`;
    }
  }
  return `${Math.floor(rest / 1000)} s`;
}

/**
 * A length of time with its largest unit only: "3 h", "2 min", "9 s".
 *
 * @param {number} ms
 */
export function roughly(ms) {
  const rest = Math.max(0, ms);
  for (const [big, bigMs] of units) {
    if (rest >= bigMs) {
      return `${Math.floor(rest / bigMs)} ${big}`;
    }
  }
  return `${Math.floor(rest / 1000)} s`;
}

/**
 * "712 B", "1.4 kB", "16.0 MB": powers of 1000.
 *
 * @param {number} n
 */
export function bytes(n) {
  if (n < 1000) {
    return `${Math.round(n)} B`;
  }
  let unit = "kB";
  let x = n / 1000;
  if (x >= 999.5) {
    unit = "MB";
    x /= 1000;
  }
  if (x >= 999.5) {
    unit = "GB";
    x /= 1000;
  }
  return `${x.toFixed(x < 99.95 ? 1 : 0)} ${unit}`;
}

/**
 * A rate: "0", "0.4", "12", "1,234".
 *
 * @param {number} n
 */
export function rate(n) {
  return n > 0 && n < 9.95 ? n.toFixed(1) : count(Math.round(n));
}

/**
 * The time of day with milliseconds, for logs.
 *
 * @param {Date} date
 */
export function clock(date) {
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  const ms = String(date.getMilliseconds()).padStart(3, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${ms}`;
}

/**
 * The next number of the series 1, 2, 5, 10, 20, … that is not below x.
 *
 * @param {number} x
 */
export function niceAbove(x) {
  const power = 10 ** Math.floor(Math.log10(Math.max(x, 1e-9)));
  for (const step of [1, 2, 5]) {
    if (step * power >= x * (1 - 1e-9)) {
      return step * power;
    }
  }
  return 10 * power;
}
