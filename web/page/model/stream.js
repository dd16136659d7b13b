/** @import { Contact, DirectMode, Events, PeerPath } from "../../kadmesh/kadmesh.js" */
/** @import { StartStep, Stats, StoredRecord, TableEntry } from "../../kadmesh/kadmesh.js" */

/**
 * The event "node": a node has started. Direct paths are taken as direct says; wanted
 * is the person's choice, which a browser without WebRTC cannot follow.
 *
 * @typedef {{ id: string, address: string, storeBytes: number, k: number,
 *   direct: DirectMode, wanted: DirectMode }} StartedNode
 */

/**
 * The events of the page by type: the events of the module (Events in kadmesh.d.ts), and
 * the events of the page. Times (at) are milliseconds as of performance.now().
 *
 *     step      starting goes on
 *     node      there is a node
 *     table     the routing table as it is now
 *     stats     the counters as they are now
 *     records   the records that the node keeps now
 *     paths     the peers that take direct paths now
 *     named     the text of a key, by its digest
 *     found     a get has found a value, at a holder or here (null)
 *     kept      a set has been acknowledged by so many nodes
 *     network   the device's network came or went
 *     visible   the page was hidden or shown
 *     tabs      ids of other tabs of this origin
 *
 * @typedef {Events & {
 *   step: StartStep,
 *   node: StartedNode,
 *   table: { at: number, entries: TableEntry[] },
 *   stats: { at: number, stats: Stats },
 *   records: { at: number, records: StoredRecord[] },
 *   paths: { peers: PeerPath[] },
 *   named: { key: string, name: string },
 *   found: { key: string, holder: Contact | null },
 *   kept: { key: string, nodes: number },
 *   network: { online: boolean },
 *   visible: { at: number, visible: boolean },
 *   tabs: { others: string[] },
 * }} PageEvents
 */

/** A stream of plain events, between the node and the panels. */
export class Stream {
  /** @type {Map<string, Set<(detail: any) => void>>} */
  #listeners = new Map(); // by type

  /**
   * Calls listener for each event of a type. Returns a function that ends that.
   *
   * @template {keyof PageEvents} Type
   * @param {Type} type
   * @param {(detail: PageEvents[Type]) => void} listener
   */
  on(type, listener) {
    const set = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, set);
    set.add(listener);
    return () => set.delete(listener);
  }

  /**
   * Hands an event to all listeners. If one throws, the others still get the event.
   *
   * @template {keyof PageEvents} Type
   * @param {Type} type
   * @param {PageEvents[Type]} detail
   */
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
