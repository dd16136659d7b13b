/** A list that forgets its oldest entry when it is full. */
export class Ring {
  #entries = [];
  #start = 0;
  #capacity;

  constructor(capacity) {
    this.#capacity = capacity;
  }

  get length() {
    return this.#entries.length;
  }

  /** Adds an entry, and returns the one that had to go, if any. */
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

/** A map that forgets the key that was set longest ago when it is full. */
export class BoundedMap extends Map {
  #capacity;

  constructor(capacity) {
    super();
    this.#capacity = capacity;
  }

  set(key, value) {
    this.delete(key);
    super.set(key, value);
    if (this.size > this.#capacity) {
      this.delete(this.keys().next().value);
    }
    return this;
  }
}
