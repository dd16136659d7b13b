// What is kept here for others: a line per record, the values on demand, as text.

import { el, setAttr, setText, show } from "../ui/dom.js";
import { atMostEvery } from "../ui/frame.js";
import { bytes, count, plural, roughly } from "../text/format.js";
import { shortID } from "../model/ids.js";
import { BoundedMap } from "../model/ringbuffer.js";
import { showValue, tame, typeWords } from "../text/valueinput.js";

/** How many records are listed, and how much of a value is shown. */
const maxListed = 100;
const maxShown = 4000;

/** Lists the records in host, from the events node, records, stats and named. */
export function records(host, stream) {
  return new Records(host, stream);
}

class Records {
  list = [];
  total = 0;
  kept = 0;
  storeBytes = 0;
  names = new BoundedMap(200);
  lines = new Map(); // key: line
  open = new Set();

  constructor(host, stream) {
    this.redraw = atMostEvery(250, () => this.draw());
    this.build(host);
    stream.on("node", ({ storeBytes }) => {
      this.storeBytes = storeBytes;
      this.list = [];
      this.kept = this.total = 0;
      this.open.clear();
      this.redraw();
    });
    stream.on("records", ({ records: list }) => {
      this.list = [...list].sort((a, b) => b.published - a.published);
      this.redraw();
    });
    stream.on("stats", ({ stats }) => {
      this.kept = stats.recordBytes;
      this.total = stats.records;
      this.redraw();
    });
    stream.on("named", ({ key, name }) => {
      this.names.set(key, name);
      this.redraw();
    });
  }

  build(host) {
    this.summary = el("p", { class: "caption" }, "Nothing yet.");
    this.bar = el("div");
    this.gauge = el(
      "div",
      {
        class: "gauge",
        role: "meter",
        "aria-label": "Share of the store that is used",
        "aria-valuemin": 0,
        "aria-valuemax": 100,
        "aria-valuenow": 0,
      },
      this.bar,
    );
    this.body = el("ul", { class: "records" });
    this.nothing = el(
      "p",
      { class: "nothing" },
      "Others store values at the nodes nearest to the key. When one of them is near this node's id, its value turns up here.",
    );
    this.scroll = el(
      "div",
      { class: "scroll records-box", role: "region", tabindex: 0, "aria-label": "Records kept here" },
      this.body,
      this.nothing,
    );
    this.more = el("p", { class: "note" });
    host.append(this.summary, this.gauge, this.scroll, this.more);
  }

  draw() {
    const listed = this.list.slice(0, maxListed);
    const total = Math.max(this.total, this.list.length);
    const share = this.storeBytes ? Math.min(1, this.kept / this.storeBytes) : 0;
    setText(
      this.summary,
      total
        ? `${plural(total, "value")}, ${bytes(this.kept)} of ${bytes(this.storeBytes)}.`
        : `Nothing yet, of at most ${bytes(this.storeBytes)}.`,
    );
    this.bar.style.width = `${(share * 100).toFixed(1)}%`;
    setAttr(this.gauge, "aria-valuenow", Math.round(share * 100));
    this.gauge.classList.toggle("full", share >= 0.97);
    show(this.nothing, !listed.length);
    show(this.body, listed.length > 0);
    const gone = new Set(this.lines.keys());
    const now = Date.now();
    listed.forEach((record, i) => {
      gone.delete(record.key);
      const line = this.lines.get(record.key) ?? this.newLine(record.key);
      this.drawLine(line, record, now);
      if (this.body.children[i] !== line.element) {
        this.body.insertBefore(line.element, this.body.children[i] ?? null);
      }
    });
    for (const key of gone) {
      this.lines.get(key).element.remove();
      this.lines.delete(key);
      this.open.delete(key);
    }
    const more = total - listed.length;
    setText(
      this.more,
      more > 0 ? `The newest ${count(listed.length)}; ${plural(more, "more is", "more are")} kept as well.` : "",
    );
  }

  newLine(key) {
    const line = {
      name: el("span", { class: "key" }),
      what: el("span", { class: "what" }),
      age: el("span", { class: "age" }),
      value: el("pre", { class: "value", tabindex: 0, hidden: true }),
      record: null,
    };
    line.button = el(
      "button",
      { type: "button", class: "quiet", "aria-expanded": "false", onclick: () => this.toggle(key) },
      "Show",
    );
    line.element = el(
      "li",
      {},
      el("div", { class: "record" }, el("div", {}, line.name, line.what, line.age), line.button),
      line.value,
    );
    this.lines.set(key, line);
    return line;
  }

  toggle(key) {
    if (!this.open.delete(key)) {
      this.open.add(key);
    }
    this.redraw();
  }

  drawLine(line, record, now) {
    const name = this.names.get(record.key);
    const open = this.open.has(record.key);
    const called = name === undefined ? `key ${shortID(record.key)}` : `“${tame(name)}”`;
    setText(line.name, name === undefined ? shortID(record.key) : `“${tame(name)}”`);
    line.name.classList.toggle("id", name === undefined);
    setAttr(line.name, "title", record.key);
    setText(
      line.what,
      `${(typeWords[record.type] ?? record.type).replace(/^a /, "")}, ${bytes(record.bytes)}${record.cached ? ", cached on the way" : ""}`,
    );
    setText(
      line.age,
      `set ${roughly(now - record.published)} ago, ${record.expires > now ? `${roughly(record.expires - now)} left` : "about to go"}`,
    );
    setText(line.button, open ? "Hide" : "Show");
    setAttr(line.button, "aria-expanded", open);
    setAttr(line.button, "aria-label", `${open ? "Hide" : "Show"} the value of ${called}`);
    show(line.value, open);
    if (open && (line.record !== record || !line.value.textContent)) {
      line.record = record;
      setText(line.value, excerpt(showValue(record.type, record.value)));
      setAttr(line.value, "aria-label", `Value of ${called}`);
    }
  }
}

function excerpt(text) {
  if (text === "") {
    return "(empty)";
  }
  return text.length > maxShown
    ? `${text.slice(0, maxShown)}… (${count(text.length - maxShown)} more characters)`
    : text;
}
