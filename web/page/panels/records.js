// The records that the node keeps for others: a line for each, with the value as text
// on demand.

import { shortID } from "../model/ids.js";
import { BoundedMap } from "../model/ringbuffer.js";
import { bytes, count, plural, roughly } from "../text/format.js";
import { showValue, tame, typeWords } from "../text/valueinput.js";
import { el, setAttr, setText, show } from "../ui/dom.js";
import { atMostEvery } from "../ui/frame.js";

/** @import { StoredRecord } from "../../kadmesh/kadmesh.js" */
/** @import { StartedNode, Stream } from "../model/stream.js" */

/** How many records are listed. */
const maxListed = 100;
/** How much of a value is shown, in characters. */
const maxShown = 4000;
/** From which share of its room on the store is shown as full. */
const fullShare = 0.97;

/** The panel of records, drawn from the events node, records, stats and named. */
export class RecordsPanel {
  #summary = el("p", { class: "caption" }, "Nothing yet.");
  #bar = el("div");
  #gauge = el("div", gaugeProps, this.#bar);
  #body = el("ul", { class: "records" });
  #nothing = el("p", { class: "nothing" }, nothingWords);
  #more = el("p", { class: "note" });
  /** @type {StoredRecord[]} */
  #list = [];
  #total = 0; // of the records, listed or not
  #kept = 0; // in bytes
  #storeBytes = 0;
  /** @type {BoundedMap<string, string>} */
  #names = new BoundedMap(200); // the text of keys
  /** @type {Map<string, RecordLine>} */
  #lines = new Map(); // by key
  #redraw = atMostEvery(250, () => this.#draw());

  /**
   * @param {HTMLElement} host
   * @param {Stream} stream
   */
  constructor(host, stream) {
    const region = { class: "scroll records-box", role: "region", tabindex: 0, "aria-label": "Records kept here" };
    host.append(this.#summary, this.#gauge, el("div", region, this.#body, this.#nothing), this.#more);
    stream.on("node", (node) => this.#begin(node));
    stream.on("records", ({ records }) => {
      this.#list = [...records].sort((a, b) => b.published - a.published);
      this.#redraw();
    });
    stream.on("stats", ({ stats }) => {
      this.#kept = stats.recordBytes;
      this.#total = stats.records;
      this.#redraw();
    });
    stream.on("named", ({ key, name }) => {
      this.#names.set(key, name);
      this.#redraw();
    });
  }

  /** @param {StartedNode} node */
  #begin({ storeBytes }) {
    this.#storeBytes = storeBytes;
    this.#list = [];
    this.#kept = 0;
    this.#total = 0;
    this.#lines.forEach((line) => line.close());
    this.#redraw();
  }

  #draw() {
    const listed = this.#list.slice(0, maxListed);
    const total = Math.max(this.#total, this.#list.length);
    this.#drawSummary(total);
    show(this.#nothing, !listed.length);
    show(this.#body, listed.length > 0);
    this.#drawLines(listed);
    const rest = plural(total - listed.length, "more is", "more are");
    const more = `The newest ${count(listed.length)}; ${rest} kept as well.`;
    setText(this.#more, total > listed.length ? more : "");
  }

  /** @param {number} total */
  #drawSummary(total) {
    const share = this.#storeBytes ? Math.min(1, this.#kept / this.#storeBytes) : 0;
    const room = bytes(this.#storeBytes);
    const some = `${plural(total, "value")}, ${bytes(this.#kept)} of ${room}.`;
    setText(this.#summary, total ? some : `Nothing yet, of at most ${room}.`);
    this.#bar.style.width = `${(share * 100).toFixed(1)}%`;
    setAttr(this.#gauge, "aria-valuenow", Math.round(share * 100));
    this.#gauge.classList.toggle("full", share >= fullShare);
  }

  /** @param {StoredRecord[]} listed */
  #drawLines(listed) {
    const gone = new Map(this.#lines);
    const now = Date.now();
    listed.forEach((record, i) => {
      gone.delete(record.key);
      const line = this.#lines.get(record.key) ?? new RecordLine(this.#redraw);
      this.#lines.set(record.key, line);
      line.update(record, this.#names.get(record.key), now);
      if (this.#body.children[i] !== line.element) {
        this.#body.insertBefore(line.element, this.#body.children[i] ?? null);
      }
    });
    for (const [key, line] of gone) {
      line.element.remove();
      this.#lines.delete(key);
    }
  }
}

const gaugeProps = {
  class: "gauge",
  role: "meter",
  "aria-label": "Share of the store that is used",
  "aria-valuemin": 0,
  "aria-valuemax": 100,
  "aria-valuenow": 0,
};

const nothingWords =
  "Others store values at the nodes nearest to the key. " +
  "When one of them is near this node's id, its value turns up here.";

/** A record in the list, with a button that shows its value. */
class RecordLine {
  /** @type {HTMLLIElement} */
  element;
  #name = el("span", { class: "key" });
  #what = el("span", { class: "what" });
  #age = el("span", { class: "age" });
  #value = el("pre", { class: "value", tabindex: 0, hidden: true });
  #button;
  #open = false;
  /** @type {StoredRecord | null} */
  #shown = null; // the record of the value in #value

  /** @param {() => void} ontoggle */
  constructor(ontoggle) {
    const onclick = () => {
      this.#open = !this.#open;
      ontoggle();
    };
    this.#button = el("button", { type: "button", class: "quiet", "aria-expanded": "false", onclick }, "Show");
    const words = el("div", {}, this.#name, this.#what, this.#age);
    this.element = el("li", {}, el("div", { class: "record" }, words, this.#button), this.#value);
  }

  close() {
    this.#open = false;
  }

  /**
   * @param {StoredRecord} record
   * @param {string | undefined} name the text of the key, if it is known
   * @param {number} now as of Date.now()
   */
  update(record, name, now) {
    const quoted = name === undefined ? shortID(record.key) : `“${tame(name)}”`;
    const called = name === undefined ? `key ${quoted}` : quoted;
    const type = (typeWords[record.type] ?? record.type).replace(/^a /, "");
    const left = record.expires > now ? `${roughly(record.expires - now)} left` : "about to go";
    setText(this.#name, quoted);
    this.#name.classList.toggle("id", name === undefined);
    setAttr(this.#name, "title", record.key);
    setText(this.#what, `${type}, ${bytes(record.bytes)}${record.cached ? ", cached on the way" : ""}`);
    setText(this.#age, `set ${roughly(now - record.published)} ago, ${left}`);
    setText(this.#button, this.#open ? "Hide" : "Show");
    setAttr(this.#button, "aria-expanded", this.#open);
    setAttr(this.#button, "aria-label", `${this.#open ? "Hide" : "Show"} the value of ${called}`);
    show(this.#value, this.#open);
    if (this.#open && this.#shown !== record) {
      this.#shown = record;
      setText(this.#value, excerpt(showValue(record.type, record.value)));
      setAttr(this.#value, "aria-label", `Value of ${called}`);
    }
  }
}

/** @param {string} text */
function excerpt(text) {
  if (text === "") {
    return "(empty)";
  }
  const more = text.length - maxShown;
  return more > 0 ? `${text.slice(0, maxShown)}… (${count(more)} more characters)` : text;
}
