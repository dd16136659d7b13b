// MessagePack for people to read: other programs can have stored lists and maps, and
// JavaScript gets their encoding. The bytes come from the network: depth and length are
// bounded, and nothing is believed.

const maxDepth = 12;
const maxText = 4000;

/**
 * The value in a notation like Python's. Bytes that are no MessagePack are shown in
 * hexadecimal digits.
 *
 * @param {Uint8Array} data
 */
export function msgpackText(data) {
  const reader = new Reader(data);
  try {
    const text = reader.read();
    if (reader.done) {
      return text;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) {
      throw error;
    }
  }
  return hex(data);
}

class Reader {
  #data;
  #view;
  #at = 0;
  #written = 0;

  /** @param {Uint8Array} data */
  constructor(data) {
    this.#data = data;
    this.#view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  }

  /** Whether all bytes have been read. */
  get done() {
    return this.#at === this.#data.length;
  }

  /** Reads one value. Throws a RangeError if there is none, or no room for it. */
  read() {
    return this.#value(0);
  }

  /**
   * @param {number} depth
   * @returns {string}
   */
  #value(depth) {
    const c = this.#uint(1);
    if (c < 0x80) return this.#say(String(c));
    if (c < 0x90) return this.#map(c & 15, depth);
    if (c < 0xa0) return this.#list(c & 15, depth);
    if (c < 0xc0) return this.#string(c & 31);
    if (c >= 0xe0) return this.#say(String(c - 256));
    switch (c) {
      case 0xc0:
        return this.#say("None");
      case 0xc2:
        return this.#say("False");
      case 0xc3:
        return this.#say("True");
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#bytes(this.#uint(1 << (c - 0xc4)));
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.#extension(this.#uint(1 << (c - 0xc7)));
      case 0xca:
        return this.#say(String(this.#take(4, (p) => this.#view.getFloat32(p))));
      case 0xcb:
        return this.#say(String(this.#take(8, (p) => this.#view.getFloat64(p))));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#say(String(this.#uint(1 << (c - 0xcc))));
      case 0xcf:
        return this.#say(String(this.#take(8, (p) => this.#view.getBigUint64(p))));
      case 0xd0:
        return this.#say(String(this.#take(1, (p) => this.#view.getInt8(p))));
      case 0xd1:
        return this.#say(String(this.#take(2, (p) => this.#view.getInt16(p))));
      case 0xd2:
        return this.#say(String(this.#take(4, (p) => this.#view.getInt32(p))));
      case 0xd3:
        return this.#say(String(this.#take(8, (p) => this.#view.getBigInt64(p))));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#extension(1 << (c - 0xd4));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#string(this.#uint(1 << (c - 0xd9)));
      case 0xdc:
      case 0xdd:
        return this.#list(this.#uint(2 << (c - 0xdc)), depth);
      case 0xde:
      case 0xdf:
        return this.#map(this.#uint(2 << (c - 0xde)), depth);
    }
    throw new RangeError("no such type");
  }

  /** @type {(n: number, depth: number) => string} */
  #list(n, depth) {
    const items = this.#items(n, depth, () => this.#value(depth + 1));
    return `[${items.join(", ")}]`;
  }

  /** @type {(n: number, depth: number) => string} */
  #map(n, depth) {
    const items = this.#items(n, depth, () => `${this.#value(depth + 1)}: ${this.#value(depth + 1)}`);
    return `{${items.join(", ")}}`;
  }

  /** @type {(n: number, depth: number, read: () => string) => string[]} */
  #items(n, depth, read) {
    if (depth === maxDepth || n > this.#data.length - this.#at) {
      throw new RangeError("deeper, or longer, than there is room for");
    }
    const items = [];
    for (let i = 0; i < n; i++) {
      items.push(read());
    }
    return items;
  }

  /** @param {number} n */
  #string(n) {
    const text = new TextDecoder().decode(this.#slice(n));
    return this.#say(JSON.stringify(text));
  }

  /** @param {number} n */
  #bytes(n) {
    return this.#say(`bytes(${hex(this.#slice(n))})`);
  }

  /** @param {number} n */
  #extension(n) {
    const type = this.#take(1, (p) => this.#view.getInt8(p));
    return this.#say(`extension ${type}(${hex(this.#slice(n))})`);
  }

  /** @param {number} size */
  #uint(size) {
    return this.#take(size, (p) => {
      switch (size) {
        case 1:
          return this.#view.getUint8(p);
        case 2:
          return this.#view.getUint16(p);
      }
      return this.#view.getUint32(p);
    });
  }

  /** @param {number} n */
  #slice(n) {
    return this.#take(n, (p) => this.#data.subarray(p, p + n));
  }

  /**
   * @template T
   * @param {number} n
   * @param {(at: number) => T} read
   */
  #take(n, read) {
    const p = this.#at;
    if (n > this.#data.length - p) {
      throw new RangeError("ends too early");
    }
    this.#at = p + n;
    return read(p);
  }

  /**
   * Counts the text that is written. A value with a longer text is shown as bytes.
   *
   * @param {string} text
   */
  #say(text) {
    this.#written += text.length;
    if (this.#written > maxText) {
      throw new RangeError("too long");
    }
    return text;
  }
}

/** @param {Uint8Array} data */
function hex(data) {
  return Array.from(data, (b) => b.toString(16).padStart(2, "0")).join(" ");
}
