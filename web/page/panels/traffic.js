// Traffic: datagrams in and out over the last minute, whom the node has answered,
// and what was of no use.

import { el, figures, setAttr, setText, svg } from "../ui/dom.js";
import { nextFrame } from "../ui/frame.js";
import { bytes, count, niceAbove, rate } from "../text/format.js";
import { Ring } from "../model/ringbuffer.js";
import { total } from "../model/state.js";

/** How much time the chart shows, in milliseconds, and how many samples: one a second at most. */
const minute = 60_000;
const maxSamples = 60;

/** What is left free between two bars, in CSS pixels. */
const gap = 1.5;

/** Draws the traffic into host, from the events node and stats. */
export function traffic(host, stream) {
  return new Traffic(host, stream);
}

class Traffic {
  samples = new Ring(maxSamples); // { from, at, received, sent, receivedBytes, sentBytes }, per second between two times
  last = null; // { at, stats }

  constructor(host, stream) {
    this.draw = this.draw.bind(this);
    this.build(host);
    new ResizeObserver(() => nextFrame(this.draw)).observe(this.picture);
    stream.on("node", () => this.reset());
    stream.on("stats", (event) => this.stats(event));
  }

  build(host) {
    this.inbound = svg("path", { class: "inbound" });
    this.outbound = svg("path", { class: "outbound" });
    this.axis = svg("path", { class: "rule" });
    this.scale = svg("text", { class: "scale", x: 0, y: 10 });
    this.picture = svg(
      "svg",
      { class: "traffic", role: "img", "aria-label": "Datagrams in and out over the last minute" },
      this.inbound,
      this.outbound,
      this.axis,
      this.scale,
    );
    this.rates = figures(["in", "In"], ["out", "Out"]);
    this.rates.list.classList.add("rates");
    this.totals = figures(
      ["served", "Answered for others"],
      ["own", "Own requests"],
      ["unanswered", "of them unanswered"],
      ["dropped", "Dropped here"],
      ["relayDropped", "Dropped by the relay"],
    );
    this.reasons = el("ul", { class: "reasons" });
    const details = el("details", {}, el("summary", {}, "By procedure and reason"), this.reasons);
    host.append(this.picture, this.rates.list, this.totals.list, details);
  }

  reset() {
    this.samples.clear();
    this.last = null;
    nextFrame(this.draw);
  }

  stats({ at, stats }) {
    const dt = this.last ? (at - this.last.at) / 1000 : 0;
    if (dt > 0) {
      const was = this.last.stats;
      const per = (name) => Math.max(0, stats[name] - was[name]) / dt;
      this.samples.push({
        from: this.last.at,
        at,
        received: per("received"),
        sent: per("sent"),
        receivedBytes: per("receivedBytes"),
        sentBytes: per("sentBytes"),
      });
    }
    this.last = { at, stats };
    nextFrame(this.draw);
  }

  draw() {
    this.chart();
    if (!this.last) {
      return;
    }
    const { stats } = this.last;
    const now = this.samples.newest() ?? { received: 0, sent: 0, receivedBytes: 0, sentBytes: 0 };
    this.rates.set.in(`${rate(now.received)}/s, ${bytes(now.receivedBytes)}/s`);
    this.rates.set.out(`${rate(now.sent)}/s, ${bytes(now.sentBytes)}/s`);
    const { set } = this.totals;
    set.served(count(total(stats.served)));
    set.own(count(stats.replied + stats.timedOut));
    set.unanswered(count(stats.timedOut));
    set.dropped(count(total(stats.dropped) + stats.unsent));
    set.relayDropped(count(total(stats.relayDropped)));
    this.list(stats);
  }

  chart() {
    const { clientWidth: width, clientHeight: height } = this.picture;
    if (!width) {
      return;
    }
    const samples = lastMinute(this.samples.toArray(), width);
    const most = niceAbove(Math.max(10, ...samples.map((s) => Math.max(s.received, s.sent))));
    const middle = Math.round(height / 2);
    const bars = (name, sign) =>
      samples
        .map((s) => {
          const h = (s[name] / most) * (middle - 2);
          return h > 0
            ? `M${s.left.toFixed(1)} ${middle}v${(-sign * Math.max(1, h)).toFixed(1)}h${Math.max(1.5, s.right - s.left - gap).toFixed(1)}V${middle}z`
            : "";
        })
        .join("");
    setAttr(this.inbound, "d", bars("received", 1));
    setAttr(this.outbound, "d", bars("sent", -1));
    setAttr(this.axis, "d", `M0 ${middle + 0.5}H${width}`);
    setText(this.scale, `${count(most)}/s`);
  }

  list(stats) {
    const lines = [
      ...lineEach("answered", stats.served),
      ...lineEach("dropped here", stats.dropped),
      ...(stats.unsent ? [["not sent", stats.unsent]] : []),
      ...lineEach("dropped by the relay", stats.relayDropped),
    ];
    while (this.reasons.children.length > lines.length) {
      this.reasons.lastChild.remove();
    }
    lines.forEach(([words, n], i) => {
      const item =
        this.reasons.children[i] ??
        this.reasons.appendChild(el("li", {}, el("span"), el("span", { class: "figure" })));
      setText(item.firstChild, words);
      setText(item.lastChild, count(n));
    });
  }
}

/**
 * The samples of the minute before the newest one, oldest first, each with its left and right
 * in a chart of that width: of a hidden page there are few, and each is about a longer time.
 */
export function lastMinute(samples, width) {
  const begin = (samples.at(-1)?.at ?? 0) - minute;
  const x = (at) => (Math.max(0, at - begin) / minute) * width;
  return samples.filter((s) => s.at > begin).map((s) => ({ ...s, left: x(s.from), right: x(s.at) }));
}

function lineEach(verb, counters) {
  return Object.entries(counters)
    .filter(([, n]) => n > 0)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, n]) => [`${verb}: ${name}`, n]);
}
