// The log of events: bounded, with a filter and a pause, and as JSON for developers.

import { RingBuffer } from "../model/ringbuffer.js";
import { eventWords, loggedTypes } from "../text/eventwords.js";
import { clock, count, plural } from "../text/format.js";
import { CopyButton } from "../ui/copy.js";
import { el, setAttr, setText } from "../ui/dom.js";
import { atMostEvery } from "../ui/frame.js";

/** @import { Stream } from "../model/stream.js" */
/** @import { LoggedType } from "../text/eventwords.js" */

/**
 * An event in the log. Its words are made when they are first wanted.
 *
 * @typedef {{ type: LoggedType, event: object, at: number, words: string | null }} Entry
 */

/** How many events are kept. */
const capacity = 1000;
/** The height of an entry in pixels: one line of text, or two on a narrow screen. */
const entryHeight = { wide: 26, narrow: 44 };
const narrowBelow = 420;
/** Further down than that many pixels, the list stands still. */
const holdBelow = 4;

/** The log of events. */
export class EventsPanel {
  #search = el("input", {
    type: "search",
    class: "filter",
    placeholder: "Filter",
    "aria-label": "Show events with this text only",
    autocomplete: "off",
    spellcheck: "false",
    oninput: () => this.#filterChanged(),
  });
  #pause = el(
    "button",
    { type: "button", class: "quiet", "aria-pressed": "false", onclick: () => this.#setPaused(!this.#paused) },
    "Pause",
  );
  #status = el("p", { class: "note" });
  #body = el("ol", { class: "lines" });
  #scroll = el(
    "div",
    { class: "log", role: "region", tabindex: 0, "aria-label": "Events, newest first" },
    this.#body,
  );
  /** @type {EventLine[]} */
  #lines = []; // as many as are in view
  /** @type {RingBuffer<Entry>} */
  #ring = new RingBuffer(capacity);
  #wanted = new Set(loggedTypes);
  #paused = false; // by the button
  /** @type {Entry[] | null} */
  #frozen = null; // the entries while the list stands still, newest first
  #since = 0; // events since then
  /** @type {Entry[] | null} */
  #shown = null; // the entries that pass the filter, newest first; null if that has changed
  #redraw = atMostEvery(100, () => this.#draw());

  /**
   * @param {HTMLElement} host
   * @param {Stream} stream
   */
  constructor(host, stream) {
    const copy = new CopyButton(() => this.#json(), "Copy JSON", "Copy JSON of the events shown");
    const toggles = loggedTypes.map((type) => this.#newToggle(type));
    this.#scroll.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    host.append(
      el("div", { class: "log-tools" }, this.#search, this.#pause, copy.element),
      el("div", { class: "toggles", role: "group", "aria-label": "Kinds of events" }, ...toggles),
      this.#scroll,
      this.#status,
    );
    for (const type of loggedTypes) {
      stream.on(type, (event) => this.#take(type, event));
    }
    stream.on("stopped", ({ reason }) => this.#take("relay", { state: "node stopped", url: "", reason }));
    new ResizeObserver(this.#redraw).observe(this.#scroll);
  }

  /** @param {LoggedType} type */
  #newToggle(type) {
    const onclick = () => {
      const on = !this.#wanted.delete(type);
      if (on) {
        this.#wanted.add(type);
      }
      setAttr(button, "aria-pressed", on);
      this.#filterChanged();
    };
    const button = el("button", { type: "button", class: "toggle", "aria-pressed": "true", onclick }, type);
    return button;
  }

  /**
   * @param {LoggedType} type
   * @param {any} event of that type; the end of a node has no time (at)
   */
  #take(type, event) {
    this.#ring.push({ type, event, at: event.at ?? performance.now(), words: null });
    if (this.#frozen) {
      this.#since++;
    } else {
      this.#shown = null;
    }
    this.#redraw();
  }

  #filterChanged() {
    this.#shown = null;
    this.#redraw();
  }

  /** @param {boolean} paused */
  #setPaused(paused) {
    this.#paused = paused;
    setAttr(this.#pause, "aria-pressed", paused);
    setText(this.#pause, paused ? "Go on" : "Pause");
    this.#hold(paused);
    if (!paused) {
      this.#scroll.scrollTop = 0;
    }
  }

  /** Holds the list while a person reads further down. */
  #scrolled() {
    if (!this.#paused) {
      this.#hold(this.#scroll.scrollTop > holdBelow);
    }
    this.#redraw();
  }

  /**
   * Makes the list stand still, or flow.
   *
   * @param {boolean} still
   */
  #hold(still) {
    if (still !== (this.#frozen !== null)) {
      this.#frozen = still ? this.#newestFirst() : null;
      this.#since = 0;
      this.#filterChanged();
    }
  }

  #newestFirst() {
    return this.#ring.toArray().reverse();
  }

  /** The entries that pass the filter, newest first. */
  #filtered() {
    this.#shown ??= (this.#frozen ?? this.#newestFirst()).filter((entry) => this.#passes(entry));
    return this.#shown;
  }

  /** @param {Entry} entry */
  #passes(entry) {
    if (!this.#wanted.has(entry.type)) {
      return false;
    }
    const text = this.#search.value.trim().toLowerCase();
    const has = (/** @type {string} */ words) => words.toLowerCase().includes(text);
    return !text || has(wordsOf(entry)) || has(JSON.stringify(entry.event));
  }

  #draw() {
    const list = this.#filtered();
    const narrow = this.#scroll.clientWidth < narrowBelow;
    const height = narrow ? entryHeight.narrow : entryHeight.wide;
    const first = Math.max(0, Math.floor(this.#scroll.scrollTop / height) - 2);
    const room = Math.ceil(this.#scroll.clientHeight / height) + 4;
    const visible = list.slice(first, first + room);
    this.#body.style.height = `${list.length * height}px`;
    this.#body.classList.toggle("narrow", narrow);
    while (this.#lines.length < visible.length) {
      const line = new EventLine();
      this.#lines.push(line);
      this.#body.append(line.element);
    }
    this.#lines.forEach((line, i) => line.update(visible[i], (first + i) * height));
    this.#drawStatus(list.length);
  }

  /** @param {number} n how many events pass the filter */
  #drawStatus(n) {
    if (this.#frozen) {
      const still = this.#paused ? "Paused" : "Held while you read";
      setText(this.#status, `${still}: ${count(this.#since)} more since.`);
      return;
    }
    const bounded = this.#ring.length === capacity ? `; the last ${count(capacity)} are kept` : "";
    setText(this.#status, `${count(n)} of ${plural(this.#ring.length, "event")} shown${bounded}.`);
  }

  #json() {
    const entries = this.#filtered().map(({ type, event, at }) => ({
      time: timeOf(at).toISOString(),
      event: type,
      ...event,
    }));
    return JSON.stringify(entries.reverse(), null, 1);
  }
}

/** The element of an entry. It serves another entry when the list is scrolled. */
class EventLine {
  /** @type {HTMLLIElement} */
  element;
  #time = el("time");
  #type = el("span", { class: "kind" });
  #words = el("span", { class: "words" });
  #top = -1;

  constructor() {
    this.element = el("li", {}, this.#time, this.#type, this.#words);
  }

  /**
   * @param {Entry | undefined} entry without one, the line is hidden
   * @param {number} top in pixels
   */
  update(entry, top) {
    this.element.hidden = !entry;
    if (!entry) {
      return;
    }
    if (this.#top !== top) {
      this.#top = top;
      this.element.style.transform = `translateY(${top}px)`;
    }
    setText(this.#time, clock(timeOf(entry.at)));
    setText(this.#type, entry.type);
    setText(this.#words, wordsOf(entry));
  }
}

/** @param {number} at as of performance.now() */
function timeOf(at) {
  return new Date(performance.timeOrigin + at);
}

/** @param {Entry} entry */
function wordsOf(entry) {
  entry.words ??= eventWords(entry.type, entry.event);
  return entry.words;
}
