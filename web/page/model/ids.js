// Ids, keys and the distance between them: 160 bits, as 40 hexadecimal digits.

export const idBits = 160;

const digits = idBits / 4;

/**
 * The first eight digits of an id: enough for people to tell nodes apart.
 *
 * @param {string | undefined} id
 */
export function shortID(id) {
  return id ? id.slice(0, 8) : "";
}

/**
 * The bits of an id, most significant first.
 *
 * @param {string} id
 */
export function bitsOf(id) {
  const bits = new Uint8Array(idBits);
  for (let i = 0; i < idBits; i++) {
    bits[i] = (parseInt(id[i >> 2], 16) >> (3 - (i & 3))) & 1;
  }
  return bits;
}

/**
 * How many leading bits two ids share, 0 to 160.
 *
 * @param {string} a
 * @param {string} b
 */
export function prefixLength(a, b) {
  const i = firstDifference(a, b);
  if (i === digits) {
    return idBits;
  }
  return 4 * i + Math.clz32(parseInt(a[i], 16) ^ parseInt(b[i], 16)) - 28;
}

/**
 * The binary logarithm of the XOR distance, below 160. Two equal ids have the
 * distance 0, which is drawn as -1.
 *
 * @param {string} a
 * @param {string} b
 */
export function log2Distance(a, b) {
  const i = firstDifference(a, b);
  if (i === digits) {
    return -1;
  }
  const x = (head(a, i) ^ head(b, i)) >>> 0;
  return idBits - 4 * i - 32 + Math.log2(x);
}

/**
 * Orders ids by their distance to target, nearest first: for Array.sort.
 *
 * @param {string} target
 * @returns {(a: string, b: string) => number}
 */
export function byDistance(target) {
  return (a, b) => {
    const i = firstDifference(a, b);
    if (i === digits) {
      return 0;
    }
    const t = parseInt(target[i], 16);
    return (parseInt(a[i], 16) ^ t) - (parseInt(b[i], 16) ^ t);
  };
}

/**
 * An estimate of the number of nodes in the network from the n nearest ids: n of N ids
 * lie within n/N of the space. Good to about a third for n = 8; null if fewer than n
 * ids are known.
 *
 * @param {string} self
 * @param {string[]} ids
 */
export function estimateSize(self, ids, n = 8) {
  if (ids.length < n) {
    return null;
  }
  const nearest = [...ids].sort(byDistance(self)).slice(0, n);
  const reach = log2Distance(self, nearest[n - 1]) - idBits;
  return Math.round(n / 2 ** reach);
}

/** @type {(a: string, b: string) => number} */
function firstDifference(a, b) {
  let i = 0;
  while (i < digits && a[i] === b[i]) {
    i++;
  }
  return i;
}

/**
 * The 32 bits from digit i on.
 *
 * @type {(id: string, i: number) => number}
 */
function head(id, i) {
  return parseInt(id.slice(i, i + 8).padEnd(8, "0"), 16);
}
