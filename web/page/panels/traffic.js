// Traffic: datagrams in and out over the last minute, requests that the node has
// answered, and datagrams that were dropped.

import { RingBuffer } from "../model/ringbuffer.js";
import { total } from "../model/state.js";
import { bytes, count, niceAbove, rate } from "../text/format.js";
import { el, Figures, setAttr, setText, svg } from "../ui/dom.js";
import { oncePerFrame } from "../ui/frame.js";

/** @import { Stats } from "../../kadmesh/kadmesh.js" */
/** @import { Stream } from "../model/stream.js" */

/**
 * Rates per second between two times.
 *
 * @typedef {{ received: number, sent: number, receivedBytes: number, sentBytes: number }} Rates
 * @typedef {Rates & { from: number, at: number }} Sample
 */

/** The time that the chart shows, in milliseconds. */
const minute = 60_000;
/** How many samples it has at most: one a second. */
const maxSamples = 60;

/** The room between two bars, in CSS pixels. */
const gap = 1.5;

/** The panel of traffic, drawn from the events node and stats. */
export class TrafficPanel {
  #inbound = svg("path", { class: "inbound" });
  #outbound = svg("path", { class: "outbound" });
  #axis = svg("path", { class: "rule" });
  #scale = svg("text", { class: "scale", x: 0, y: 10 });
  #picture = svg(
    "svg",
    { class: "traffic", role: "img", "aria-label": "Datagrams in and out over the last minute" },
    this.#inbound,
    this.#outbound,
    this.#axis,
    this.#scale,
  );
  #rates = new Figures(["in", "In"], ["out", "Out"]);
  #totals = new Figures(
    ["served", "Answered for others"],
    ["own", "Own requests"],
    ["unanswered", "of them unanswered"],
    ["dropped", "Dropped here"],
    ["relayDropped", "Dropped by the relay"],
  );
  #reasons = el("ul", { class: "reasons" });
  /** @type {RingBuffer<Sample>} */
  #samples = new RingBuffer(maxSamples);
  /** @type {{ at: number, stats: Stats } | null} */
  #last = null;
  #redraw = oncePerFrame(() => this.#draw());

  /**
   * @param {HTMLElement} host
   * @param {Stream} stream
   */
  constructor(host, stream) {
    this.#rates.element.classList.add("rates");
    const details = el("details", {}, el("summary", {}, "By procedure and reason"), this.#reasons);
    host.append(this.#picture, this.#rates.element, this.#totals.element, details);
    new ResizeObserver(this.#redraw).observe(this.#picture);
    stream.on("node", () => this.#reset());
    stream.on("stats", ({ at, stats }) => this.#take(at, stats));
  }

  #reset() {
    this.#samples.clear();
    this.#last = null;
    this.#redraw();
  }

  /**
   * @param {number} at
   * @param {Stats} stats
   */
  #take(at, stats) {
    const last = this.#last;
    if (last && at > last.at) {
      this.#samples.push({ from: last.at, at, ...ratesBetween(last.stats, stats, (at - last.at) / 1000) });
    }
    this.#last = { at, stats };
    this.#redraw();
  }

  #draw() {
    this.#drawChart();
    if (!this.#last) {
      return;
    }
    const { stats } = this.#last;
    const now = this.#samples.newest() ?? { received: 0, sent: 0, receivedBytes: 0, sentBytes: 0 };
    this.#rates.set("in", `${rate(now.received)}/s, ${bytes(now.receivedBytes)}/s`);
    this.#rates.set("out", `${rate(now.sent)}/s, ${bytes(now.sentBytes)}/s`);
    this.#totals.set("served", count(total(stats.served)));
    this.#totals.set("own", count(stats.replied + stats.timedOut));
    this.#totals.set("unanswered", count(stats.timedOut));
    this.#totals.set("dropped", count(total(stats.dropped) + stats.unsent));
    this.#totals.set("relayDropped", count(total(stats.relayDropped)));
    this.#drawReasons(stats);
  }

  #drawChart() {
    const { clientWidth: width, clientHeight: height } = this.#picture;
    if (!width) {
      return;
    }
    const samples = lastMinute(this.#samples.toArray(), width);
    const most = niceAbove(Math.max(10, ...samples.map((s) => Math.max(s.received, s.sent))));
    const middle = Math.round(height / 2);
    const bar = (/** @type {{ left: number, right: number }} */ s, /** @type {number} */ n) => {
      const h = (Math.abs(n) / most) * (middle - 2);
      const wide = Math.max(1.5, s.right - s.left - gap).toFixed(1);
      const high = (-Math.sign(n) * Math.max(1, h)).toFixed(1);
      return h > 0 ? `M${s.left.toFixed(1)} ${middle}v${high}h${wide}V${middle}z` : "";
    };
    setAttr(this.#inbound, "d", samples.map((s) => bar(s, s.received)).join(""));
    setAttr(this.#outbound, "d", samples.map((s) => bar(s, -s.sent)).join(""));
    setAttr(this.#axis, "d", `M0 ${middle + 0.5}H${width}`);
    setText(this.#scale, `${count(most)}/s`);
  }

  /** @param {Stats} stats */
  #drawReasons(stats) {
    /** @type {[words: string, n: number][]} */
    const lines = [
      ...lineEach("answered", stats.served),
      ...lineEach("dropped here", stats.dropped),
      ["not sent", stats.unsent],
      ...lineEach("dropped by the relay", stats.relayDropped),
    ];
    const shown = lines.filter(([, n]) => n > 0);
    while (this.#reasons.children.length > shown.length) {
      this.#reasons.children[shown.length].remove();
    }
    while (this.#reasons.children.length < shown.length) {
      this.#reasons.append(el("li", {}, el("span"), el("span", { class: "figure" })));
    }
    shown.forEach(([words, n], i) => {
      const [text, figure] = this.#reasons.children[i].children;
      setText(text, words);
      setText(figure, count(n));
    });
  }
}

/**
 * @param {Stats} was
 * @param {Stats} is
 * @param {number} seconds
 * @returns {Rates}
 */
function ratesBetween(was, is, seconds) {
  const per = (/** @type {number} */ before, /** @type {number} */ now) => Math.max(0, now - before) / seconds;
  return {
    received: per(was.received, is.received),
    sent: per(was.sent, is.sent),
    receivedBytes: per(was.receivedBytes, is.receivedBytes),
    sentBytes: per(was.sentBytes, is.sentBytes),
  };
}

/**
 * The samples of the minute before the newest sample, oldest first, each with its left
 * and right in a chart of that width. A hidden page takes few samples, and each of them
 * spans a longer time.
 *
 * @template {{ from: number, at: number }} S
 * @param {S[]} samples
 * @param {number} width
 */
export function lastMinute(samples, width) {
  const begin = (samples.at(-1)?.at ?? 0) - minute;
  const x = (/** @type {number} */ at) => (Math.max(0, at - begin) / minute) * width;
  return samples.filter((s) => s.at > begin).map((s) => ({ ...s, left: x(s.from), right: x(s.at) }));
}

/**
 * @param {string} verb
 * @param {Record<string, number>} counters
 * @returns {[words: string, n: number][]}
 */
function lineEach(verb, counters) {
  const names = Object.keys(counters).sort();
  return names.map((name) => [`${verb}: ${name}`, counters[name]]);
}
