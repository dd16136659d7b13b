/**
 * A stream of plain events, between whoever has them and whoever draws them.
 *
 * The events are those of kadmesh.d.ts (Events), as they are, and these, which
 * whoever has the node adds. Times (at) are milliseconds as of performance.now().
 *
 *     step      StartStep                          starting goes on
 *     node      { id, address, storeBytes, k }     there is a node
 *     table     { at, entries: TableEntry[] }      the routing table as it is now
 *     stats     { at, stats: Stats }               the counters as they are now
 *     records   { at, records: StoredRecord[] }    what is kept now
 *     named     { key, name }                      the text that a key is the digest of
 *     found     { key, holder: Contact | null }    a get has found a value, and where
 *     kept      { key, nodes }                 a set has been acknowledged by so many
 *     network   { online }                         the device's network came or went
 *     visible   { at, visible }                    the page was hidden or shown
 *     tabs      { others: string[] }               ids of other tabs of this origin
 */
export class Stream {
  #listeners = new Map();

  /** Calls listener for each event of a type; returns what ends that. */
  on(type, listener) {
    let set = this.#listeners.get(type);
    if (!set) {
      set = new Set();
      this.#listeners.set(type, set);
    }
    set.add(listener);
    return () => set.delete(listener);
  }

  /** Hands an event to all listeners. One that throws does not keep the others from it. */
  emit(type, detail) {
    for (const listener of this.#listeners.get(type) ?? []) {
      try {
        listener(detail);
      } catch (error) {
        globalThis.reportError?.(error);
      }
    }
  }
}
