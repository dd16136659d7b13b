// The contacts as a table, for people who would rather read than look.

import { pathOf, paths } from "../ui/symbols.js";
import { el, setText } from "../ui/dom.js";
import { atMostEvery } from "../ui/frame.js";
import { shortID } from "../model/ids.js";
import { millis, plural } from "../text/format.js";

/** @import { TableEntry } from "../../kadmesh/kadmesh.js" */

/**
 * When a peer was last heard of, and the round trip of its last answer.
 *
 * @typedef {{ at: number, rtt: number | undefined }} Heard
 */

/** How many contacts are listed, nearest first. */
const maxListed = 200;

const headings = ["shared", "id", "address", "path", "round trip", "state"];

/** The contacts as a table, which is filled only while it is open. */
export class ContactList {
  /** @type {HTMLDetailsElement} */
  element;
  #body = el("tbody");
  #note = el("p", { class: "note" });
  /** @type {TableEntry[]} */
  #entries = [];
  /** @type {Map<string, Heard>} */
  #heard = new Map();
  #redraw = atMostEvery(1000, () => this.#draw());

  constructor() {
    const head = headings.map((heading) => el("th", { scope: "col" }, heading));
    const table = el("table", {}, el("thead", {}, el("tr", {}, ...head)), this.#body);
    const region = { class: "scroll", tabindex: 0, role: "region", "aria-label": "Contacts" };
    this.element = el(
      "details",
      { class: "as-table", ontoggle: () => this.#redraw() },
      el("summary", {}, "Contacts as a table"),
      el("div", region, table),
      this.#note,
    );
  }

  /**
   * @param {TableEntry[]} entries
   * @param {Map<string, Heard>} heard by id
   */
  update(entries, heard) {
    this.#entries = entries;
    this.#heard = heard;
    this.#redraw();
  }

  #draw() {
    if (!this.element.open) {
      return;
    }
    const sorted = [...this.#entries].sort((a, b) => b.prefix - a.prefix || (a.id < b.id ? -1 : 1));
    const nearest = sorted.slice(0, maxListed);
    while (this.#body.rows.length > nearest.length) {
      this.#body.deleteRow(-1);
    }
    nearest.forEach((entry, i) => {
      const cells = headings.map(() => el("td"));
      const row = this.#body.rows[i] ?? this.#body.appendChild(el("tr", {}, ...cells));
      this.#texts(entry).forEach((text, column) => setText(row.cells[column], text));
    });
    const more = this.#entries.length - nearest.length;
    const rest = `The nearest ${maxListed}; ${plural(more, "more is", "more are")} in the picture only.`;
    setText(this.#note, more > 0 ? rest : "");
  }

  /** @param {TableEntry} entry */
  #texts(entry) {
    const rtt = this.#heard.get(entry.id)?.rtt;
    const state = entry.place === "bucket" ? "in its bucket" : "waiting";
    return [
      String(entry.prefix),
      shortID(entry.id),
      entry.address,
      paths[pathOf(entry)],
      rtt === undefined ? "–" : millis(rtt),
      entry.fails ? `${plural(entry.fails, "failure")} in a row` : state,
    ];
  }
}
