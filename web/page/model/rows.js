// Where the dots of the routing table go: a row for each shared prefix length, and in
// it a place for each contact. A contact keeps its place as long as it is in the table.

/**
 * The ids in the places of a row; null is a free place.
 *
 * @typedef {{ bucket: (string | null)[], replacement: (string | null)[] }} Row
 */

/** Distances between two dots, and the room between two rows, in pixels. */
const minPitch = 4;
const pitches = [14, 13, 12, 11, 10, 9, 8, 7, 6, 5, minPitch];
const rowGap = 6;

/**
 * A row, the place of its first replacement, and how many places it takes.
 *
 * @typedef {{ prefix: number, row: Row, first: number, slots: number }} Content
 */

/** How many rows are shown at least, and how many empty ones below the last contact. */
const minRows = 9;
const emptyBelow = 3;

/** The places of contacts in rows. */
export class Places {
  /** @type {Map<number, Row>} */
  #rows = new Map(); // by prefix length

  /**
   * Takes in the table as it is now. Known entries keep their places, new entries get the
   * first free place.
   *
   * @param {{ id: string, prefix: number, place: "bucket" | "replacement" }[]} entries
   */
  update(entries) {
    const present = new Set(entries.map((e) => e.id));
    for (const row of this.#rows.values()) {
      vacate(row.bucket, present);
      vacate(row.replacement, present);
    }
    for (const entry of entries) {
      const row = this.#row(entry.prefix);
      const other = entry.place === "bucket" ? row.replacement : row.bucket;
      const mine = row[entry.place];
      const was = other.indexOf(entry.id);
      if (was >= 0) {
        other[was] = null;
      }
      if (!mine.includes(entry.id)) {
        const free = mine.indexOf(null);
        mine[free < 0 ? mine.length : free] = entry.id;
      }
    }
    for (const [prefix, row] of this.#rows) {
      trim(row.bucket);
      trim(row.replacement);
      if (!row.bucket.length && !row.replacement.length) {
        this.#rows.delete(prefix);
      }
    }
  }

  /** @param {number} prefix */
  #row(prefix) {
    let row = this.#rows.get(prefix);
    if (!row) {
      row = { bucket: [], replacement: [] };
      this.#rows.set(prefix, row);
    }
    return row;
  }

  /**
   * The row of contacts that share exactly prefix bits.
   *
   * @param {number} prefix
   * @returns {Row}
   */
  row(prefix) {
    return this.#rows.get(prefix) ?? { bucket: [], replacement: [] };
  }

  /** The largest prefix length that has a contact; -1 if there is none. */
  deepest() {
    let deepest = -1;
    for (const [prefix, row] of this.#rows) {
      if (row.bucket.length) {
        deepest = Math.max(deepest, prefix);
      }
    }
    return deepest;
  }
}

/** @type {(list: (string | null)[], present: Set<string>) => void} */
function vacate(list, present) {
  for (let i = 0; i < list.length; i++) {
    const id = list[i];
    if (id !== null && !present.has(id)) {
      list[i] = null;
    }
  }
}

/** @param {(string | null)[]} list */
function trim(list) {
  while (list.length && list[list.length - 1] === null) {
    list.pop();
  }
}

/**
 * Lays rows out in a box. Each row begins with k sockets, which contacts fill;
 * replacements stand behind them. The pitch of the dots is the largest with which
 * all fits, and the sockets into one line if they can, so that the box never has
 * to grow.
 *
 * The result is in pixels from the top left corner of the box.
 *
 * @param {Places} places
 * @param {number} k
 * @param {number} width
 * @param {number} height
 */
export function layOut(places, k, width, height) {
  const last = Math.min(159, Math.max(minRows - 1, places.deepest() + emptyBelow));
  /** @type {Content[]} */
  const contents = [];
  for (let prefix = 0; prefix <= last; prefix++) {
    const row = places.row(prefix);
    const first = Math.max(k, row.bucket.length);
    contents.push({ prefix, row, first, slots: first + (row.replacement.length ? 1 + row.replacement.length : 0) });
  }
  const fits = (/** @type {number} */ p) => needed(contents, p, width) <= height;
  const pitch = pitches.find((p) => p * k <= width && fits(p)) ?? pitches.find(fits) ?? minPitch;
  return place(contents, pitch, width, height);
}

/** @type {(pitch: number, width: number) => number} */
function perLine(pitch, width) {
  return Math.max(1, Math.floor(width / pitch));
}

/** @type {(contents: Content[], pitch: number, width: number) => number} */
function needed(contents, pitch, width) {
  const n = perLine(pitch, width);
  return contents.reduce((sum, c) => sum + Math.ceil(c.slots / n) * pitch + rowGap, 0);
}

/**
 * @param {Content[]} contents
 * @param {number} pitch
 * @param {number} width
 * @param {number} height
 */
function place(contents, pitch, width, height) {
  const n = perLine(pitch, width);
  const spare = Math.max(0, height - needed(contents, pitch, width)) / contents.length;
  const extra = Math.min(spare, 14);
  let y = 0;
  const rows = contents.map(({ prefix, row, first, slots }) => {
    const lines = Math.ceil(slots / n);
    const rowHeight = lines * pitch + rowGap + extra;
    const top = y + (rowHeight - lines * pitch) / 2 + pitch / 2;
    const at = (/** @type {number} */ i) => ({ x: (i % n) * pitch + pitch / 2, y: top + Math.floor(i / n) * pitch });
    const dots = [
      ...row.bucket.map((id, i) => ({ id, place: "bucket", ...at(i) })),
      ...row.replacement.map((id, i) => ({ id, place: "replacement", ...at(first + 1 + i) })),
    ].flatMap(({ id, ...dot }) => (id === null ? [] : [{ id, ...dot }]));
    const sockets = [];
    for (let i = 0; i < first; i++) {
      if (!row.bucket[i]) {
        sockets.push(at(i));
      }
    }
    const laid = { prefix, y, height: rowHeight, line: top, dots, sockets };
    y += rowHeight;
    return laid;
  });
  return { pitch, rows, bottom: y };
}
