// Where the dots of the routing table go: a row per shared prefix length, a place
// in it per contact. Contacts keep their places as long as they are there.

/** Sizes, in pixels. */
const pitches = [14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4];
const rowGap = 6;

/** How many rows are shown at least, and how many empty ones below the last contact. */
const minRows = 9;
const emptyBelow = 3;

/** Places in rows: who stands where. */
export class Places {
  #rows = new Map();

  /** Takes in the table as it is; entries keep their places, new ones get the first free. */
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

  #row(prefix) {
    let row = this.#rows.get(prefix);
    if (!row) {
      row = { bucket: [], replacement: [] };
      this.#rows.set(prefix, row);
    }
    return row;
  }

  /** The row of contacts that share exactly so many bits. */
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

function vacate(list, present) {
  for (let i = 0; i < list.length; i++) {
    if (list[i] !== null && !present.has(list[i])) {
      list[i] = null;
    }
  }
}

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
 * Returns { pitch, rows: [{ prefix, y, height, sockets, dots }], bottom }, where
 * dots are { id, place, x, y }, and y is from the top of the box.
 */
export function layOut(places, k, width, height) {
  const last = Math.min(159, Math.max(minRows - 1, places.deepest() + emptyBelow));
  const contents = [];
  for (let prefix = 0; prefix <= last; prefix++) {
    const row = places.row(prefix);
    const first = Math.max(k, row.bucket.length);
    contents.push({ prefix, row, first, slots: first + (row.replacement.length ? 1 + row.replacement.length : 0) });
  }
  const fits = (p) => needed(contents, p, width) <= height;
  const pitch = pitches.find((p) => p * k <= width && fits(p)) ?? pitches.find(fits) ?? pitches.at(-1);
  return place(contents, pitch, width, height);
}

function perLine(pitch, width) {
  return Math.max(1, Math.floor(width / pitch));
}

function needed(contents, pitch, width) {
  const n = perLine(pitch, width);
  return contents.reduce((sum, c) => sum + Math.ceil(c.slots / n) * pitch + rowGap, 0);
}

function place(contents, pitch, width, height) {
  const n = perLine(pitch, width);
  const spare = Math.max(0, height - needed(contents, pitch, width)) / contents.length;
  const extra = Math.min(spare, 14);
  let y = 0;
  const rows = contents.map(({ prefix, row, first, slots }) => {
    const lines = Math.ceil(slots / n);
    const rowHeight = lines * pitch + rowGap + extra;
    const top = y + (rowHeight - lines * pitch) / 2 + pitch / 2;
    const at = (i) => ({ x: (i % n) * pitch + pitch / 2, y: top + Math.floor(i / n) * pitch });
    const dots = [
      ...row.bucket.map((id, i) => ({ id, place: "bucket", ...at(i) })),
      ...row.replacement.map((id, i) => ({ id, place: "replacement", ...at(first + 1 + i) })),
    ].filter((dot) => dot.id !== null);
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
