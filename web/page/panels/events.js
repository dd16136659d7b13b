// What happens, line by line: bounded, filterable, pausable, and as JSON for
// those who want to look closer.

import { copyButton } from "../ui/copy.js";
import { el, setAttr, setText } from "../ui/dom.js";
import { atMostEvery } from "../ui/frame.js";
import { bytes, clock, count, millis, plural } from "../text/format.js";
import { shortID } from "../model/ids.js";
import { Ring } from "../model/ringbuffer.js";

/** How many events are kept. */
const capacity = 1000;
/** How high a line is in pixels, with room for one line or two. */
const lineHeight = { wide: 26, narrow: 44 };
const narrowBelow = 420;

/** The kinds of events, with the words that a line has for each. */
const kinds = {
  request: ({ method, to, stage, rtt }) =>
    `${method} ${to.id.startsWith("00000000") ? to.address : shortID(to.id)} ${stage}${stage === "replied" ? ` ${millis(rtt)}` : ""}`,
  served: ({ method, from, id }) => `${method} for ${id ? shortID(id) : from}`,
  lookup: ({ purpose, target, stage, found, hops, requests }) =>
    `${purpose} ${shortID(target)} ${stage}${stage === "done" ? `: ${purpose === "get" ? (found ? "found, " : "not found, ") : ""}${plural(hops, "hop")}, ${plural(requests, "request")}` : ""}`,
  contact: ({ id, address, change }) => `${shortID(id)} at ${address} ${change}`,
  path: ({ id, address, path, reason, rtt }) =>
    `${shortID(id)} at ${address} ${path === "direct" ? `direct ${millis(rtt)}` : `by the relay: ${reason}`}`,
  record: ({ key, change, bytes: n }) => `${shortID(key)} ${change}, ${bytes(n)}`,
  relay: ({ state, url, address, reason, retryIn }) =>
    `${state} ${url}${address ? `, ${address}` : ""}${reason ? `: ${reason}` : ""}${retryIn ? `, next try in ${millis(retryIn)}` : ""}`,
};

/** Lists the events of a stream in host. */
export function eventLog(host, stream) {
  return new EventLog(host, stream);
}

class EventLog {
  ring = new Ring(capacity);
  seen = 0;
  frozen = null; // what is shown while paused
  since = 0; // what came since the pause
  paused = false; // by the button; reading further down pauses too
  wanted = new Set(Object.keys(kinds));
  text = "";
  lines = [];
  matching = { of: null, seen: -1, list: [] };

  constructor(host, stream) {
    this.redraw = atMostEvery(100, () => this.draw());
    this.build(host);
    for (const type of Object.keys(kinds)) {
      stream.on(type, (event) => this.take(type, event));
    }
    stream.on("stopped", ({ reason }) => this.take("relay", { state: "node stopped", url: "", reason }));
    new ResizeObserver(() => this.redraw()).observe(this.scroll);
  }

  build(host) {
    const toggles = Object.keys(kinds).map((kind) =>
      el(
        "button",
        {
          type: "button",
          class: "toggle",
          "aria-pressed": "true",
          onclick: (event) => this.toggle(kind, event.currentTarget),
        },
        kind,
      ),
    );
    this.search = el("input", {
      type: "search",
      class: "filter",
      placeholder: "Filter",
      "aria-label": "Show events with this text only",
      autocomplete: "off",
      spellcheck: "false",
    });
    this.search.addEventListener("input", () => {
      this.text = this.search.value.trim().toLowerCase();
      this.changed();
    });
    this.pause = el(
      "button",
      { type: "button", class: "quiet", "aria-pressed": "false", onclick: () => this.setPaused(!this.paused) },
      "Pause",
    );
    this.status = el("p", { class: "note" });
    this.body = el("ol", { class: "lines" });
    this.scroll = el(
      "div",
      { class: "log", role: "region", tabindex: 0, "aria-label": "Events, newest first" },
      this.body,
    );
    this.scroll.addEventListener("scroll", () => this.scrolled(), { passive: true });
    host.append(
      el(
        "div",
        { class: "log-tools" },
        this.search,
        this.pause,
        copyButton(() => this.json(), "Copy JSON", "Copy JSON of the events shown"),
      ),
      el("div", { class: "toggles", role: "group", "aria-label": "Kinds of events" }, ...toggles),
      this.scroll,
      this.status,
    );
  }

  take(type, event) {
    this.ring.push({ type, event, at: event.at ?? performance.now(), words: null });
    this.seen++;
    if (this.frozen) {
      this.since++;
    }
    this.redraw();
  }

  toggle(kind, button) {
    const on = !this.wanted.delete(kind);
    if (on) {
      this.wanted.add(kind);
    }
    setAttr(button, "aria-pressed", on);
    this.changed();
  }

  changed() {
    this.matching.of = null;
    this.redraw();
  }

  setPaused(paused) {
    this.paused = paused;
    setAttr(this.pause, "aria-pressed", paused);
    setText(this.pause, paused ? "Go on" : "Pause");
    this.hold(paused);
    if (!paused) {
      this.scroll.scrollTop = 0;
    }
  }

  /** Freezes what is shown, or lets it flow. */
  hold(still) {
    if (still !== (this.frozen !== null)) {
      this.frozen = still ? this.ring.toArray().reverse() : null;
      this.since = 0;
      this.changed();
    }
  }

  scrolled() {
    if (!this.paused) {
      this.hold(this.scroll.scrollTop > 4);
    }
    this.redraw();
  }

  /** The events that the filter lets through, newest first. */
  shown() {
    const m = this.matching;
    const source = this.frozen ?? this.ring;
    if (m.of !== source || (!this.frozen && m.seen !== this.seen)) {
      const all = this.frozen ?? this.ring.toArray().reverse();
      m.of = source;
      m.seen = this.seen;
      m.list = all.filter((entry) => this.matches(entry));
    }
    return m.list;
  }

  matches(entry) {
    if (!this.wanted.has(entry.type)) {
      return false;
    }
    return (
      !this.text ||
      wordsOf(entry).toLowerCase().includes(this.text) ||
      JSON.stringify(entry.event).toLowerCase().includes(this.text)
    );
  }

  draw() {
    const list = this.shown();
    const narrow = this.scroll.clientWidth < narrowBelow;
    const height = narrow ? lineHeight.narrow : lineHeight.wide;
    const first = Math.max(0, Math.floor(this.scroll.scrollTop / height) - 2);
    const room = Math.ceil(this.scroll.clientHeight / height) + 4;
    const visible = list.slice(first, first + room);
    this.body.style.height = `${list.length * height}px`;
    this.body.classList.toggle("narrow", narrow);
    while (this.lines.length < visible.length) {
      const line = newLine();
      this.lines.push(line);
      this.body.append(line.element);
    }
    this.lines.forEach((line, i) => drawLine(line, visible[i], (first + i) * height));
    this.drawStatus(list.length);
  }

  drawStatus(n) {
    const kept = `${count(n)} of ${plural(this.ring.length, "event")} shown`;
    const bounded = this.ring.length === capacity ? `; the last ${count(capacity)} are kept` : "";
    setText(
      this.status,
      this.frozen
        ? `${this.paused ? "Paused" : "Held while you read"}: ${count(this.since)} more since.`
        : `${kept}${bounded}.`,
    );
  }

  json() {
    const entries = this.shown().map(({ type, event, at }) => ({
      time: timeOf(at).toISOString(),
      event: type,
      ...event,
    }));
    return JSON.stringify(entries.reverse(), null, 1);
  }
}

function timeOf(at) {
  return new Date(performance.timeOrigin + at);
}

function wordsOf(entry) {
  entry.words ??= kinds[entry.type](entry.event);
  return entry.words;
}

function newLine() {
  const time = el("time");
  const kind = el("span", { class: "kind" });
  const words = el("span", { class: "words" });
  return { element: el("li", {}, time, kind, words), time, kind, words, top: -1 };
}

function drawLine(line, entry, top) {
  line.element.hidden = !entry;
  if (!entry) {
    return;
  }
  if (line.top !== top) {
    line.top = top;
    line.element.style.transform = `translateY(${top}px)`;
  }
  setText(line.time, clock(timeOf(entry.at)));
  setText(line.kind, entry.type);
  setText(line.words, wordsOf(entry));
}
