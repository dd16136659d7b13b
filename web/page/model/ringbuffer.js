/**
 * A list that forgets its oldest entry when it is full.
 *
 * @template T
 */
export class RingBuffer {
  /** @type {T[]} */
  #entries = [];
  #start = 0;
  #capacity;

  /** @param {number} capacity */
  constructor(capacity) {
    this.#capacity = capacity;
  }

  get length() {
    return this.#entries.length;
  }

  /**
   * Adds an entry. Returns the entry that had to go, if any.
   *
   * @param {T} entry
   */
  push(entry) {
    if (this.#entries.length < this.#capacity) {
      this.#entries.push(entry);
      return undefined;
    }
    const gone = this.#entries[this.#start];
    this.#entries[this.#start] = entry;
    this.#start = (this.#start + 1) % this.#capacity;
    return gone;
  }

  /** The entry i places before the newest. */
  newest(i = 0) {
    const n = this.#entries.length;
    return i < n ? this.#entries[(this.#start + n - 1 - i) % n] : undefined;
  }

  /** All entries, oldest first. */
  toArray() {
    return [...this.#entries.slice(this.#start), ...this.#entries.slice(0, this.#start)];
  }

  clear() {
    this.#entries = [];
    this.#start = 0;
  }
}

/**
 * A map that forgets its oldest key when it is full. A key that is set again is new.
 *
 * @template K, V
 * @extends {Map<K, V>}
 */
export class BoundedMap extends Map {
  #capacity;

  /** @param {number} capacity */
  constructor(capacity) {
    super();
    this.#capacity = capacity;
  }

  /**
   * @param {K} key
   * @param {V} value
   */
  set(key, value) {
    this.delete(key);
    super.set(key, value);
    for (const oldest of this.keys()) {
      if (this.size <= this.#capacity) {
        break;
      }
      this.delete(oldest);
    }
    return this;
  }
}
