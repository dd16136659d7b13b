// A lookup as it closes in on its key. Across is time, down is nearness: the binary
// logarithm of the distance to the key, so that halving it is always the same
// step. Each request is a line at its peer's distance, from asking to answer.

import { detailLine } from "../ui/detail.js";
import { el, setAttr, setText, show, svg, uniqueID } from "../ui/dom.js";
import { prefixLength, shortID } from "../model/ids.js";
import { nextFrame } from "../ui/frame.js";
import { millis } from "../text/format.js";
import { markShape, pathOf, paths } from "../ui/symbols.js";
import { picker } from "../ui/picker.js";
import { BoundedMap } from "../model/ringbuffer.js";
import { scaleOf } from "../model/scale.js";
import { caption, title, Traces } from "../model/trace.js";

/** The margins of the picture, in pixels. */
const margin = { left: 34, right: 20, top: 24, bottom: 34 };
const markRadius = 4;
/** How far the heading of the upright axis reaches, in pixels. */
const headWidth = 200;

/** Draws lookups into host, from the events lookup, request, table, found, kept and named. */
export function lookups(host, stream) {
  return new Lookups(host, stream);
}

class Lookups {
  traces = new Traces();
  names = new BoundedMap(200);
  paths = new Map();
  shown = null;
  following = true;
  lines = new Map(); // request: { element, line, late, mark, key, x, y }
  order = [];

  constructor(host, stream) {
    this.draw = this.draw.bind(this);
    this.build(host);
    this.picker = picker(this.picture, { marks: () => this.order, onpick: () => this.describe() });
    new ResizeObserver(() => nextFrame(this.draw)).observe(this.picture);
    stream.on("lookup", (event) => this.lookup(event));
    stream.on("request", (event) => this.request(event));
    stream.on("found", (event) => this.traces.found(event) && nextFrame(this.draw));
    stream.on("kept", (event) => this.traces.kept(event) && nextFrame(this.draw));
    stream.on("named", ({ key, name }) => this.names.set(key, name));
    stream.on("table", ({ entries }) => {
      this.paths = new Map(entries.map((e) => [e.id, pathOf(e)]));
    });
    stream.on("node", () => this.reset());
  }

  build(host) {
    const name = uniqueID("lookup");
    this.title = el("p", { class: "lookup-title" });
    this.caption = el("p", { class: "caption", id: name });
    this.back = el(
      "button",
      { type: "button", class: "quiet square", "aria-label": "Earlier lookup", onclick: () => this.walk(-1) },
      "‹",
    );
    this.forth = el(
      "button",
      { type: "button", class: "quiet square", "aria-label": "Later lookup", onclick: () => this.walk(1) },
      "›",
    );
    this.place = el("span", { class: "place" });
    this.upkeep = el("input", { type: "checkbox", onchange: () => this.choose() });
    const nav = el(
      "div",
      { class: "lookup-nav" },
      this.back,
      this.place,
      this.forth,
      el("label", { class: "check" }, this.upkeep, "with upkeep"),
    );
    this.axes = svg("g", { class: "axes", "aria-hidden": "true" });
    this.stairs = svg("path", { class: "stairs" });
    this.end = svg("g", { class: "end-line", "aria-hidden": "true" }, svg("path"), svg("text"));
    this.marks = svg("g", { role: "presentation" });
    this.ring = svg("circle", { class: "winner", r: 8.5 });
    this.ringLabel = svg("text", { class: "winner-label", "aria-hidden": "true" });
    this.cursor = svg("circle", { class: "cursor", r: 10 });
    this.picture = svg(
      "svg",
      {
        class: "lookup",
        role: "listbox",
        tabindex: 0,
        "aria-label": "Requests of the lookup, in the order they were sent",
        "aria-describedby": name,
      },
      this.axes,
      this.stairs,
      this.end,
      this.marks,
      this.ring,
      this.ringLabel,
      this.cursor,
    );
    this.empty = el(
      "p",
      { class: "nothing" },
      "No lookup yet. Get or set a key, and watch here how the node closes in on it.",
    );
    this.detail = detailLine("Point at the end of a line, or choose one with the arrow keys.");
    host.append(
      el("div", { class: "lookup-head" }, el("div", {}, this.title, this.caption), nav),
      el("div", { class: "picture-box" }, this.picture, this.empty),
      legend(),
      this.detail.element,
    );
    this.heads();
  }

  heads() {
    this.yHead = svg("text", { class: "head", x: 0, y: 10 }, "log₂ of the distance to the key");
    this.axes.append(this.yHead);
    this.ticks = [];
  }

  reset() {
    this.traces = new Traces();
    this.shown = null;
    this.following = true;
    this.choose();
  }

  lookup(event) {
    const trace = this.traces.lookup(event);
    if (event.stage === "started" || trace === this.shown) {
      this.choose();
    }
  }

  request(event) {
    if (this.traces.request(event) === this.shown && this.shown) {
      nextFrame(this.draw);
    }
  }

  list() {
    return this.traces.list(this.upkeep.checked);
  }

  /** Shows the newest, unless an earlier one was chosen that is still remembered. */
  choose() {
    const list = this.list();
    if (this.following || !list.includes(this.shown)) {
      this.following = true;
      this.shown = list.at(-1) ?? null;
    }
    nextFrame(this.draw);
  }

  walk(step) {
    const list = this.list();
    const i = list.indexOf(this.shown) + step;
    if (list[i]) {
      this.shown = list[i];
      this.following = i === list.length - 1;
      nextFrame(this.draw);
    }
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.picture;
    const trace = this.shown;
    this.drawHead(trace);
    show(this.empty, !trace);
    setAttr(this.picture, "data-empty", trace ? "no" : "yes");
    if (!trace || !width) {
      this.drawRequests([], null);
      return;
    }
    const now = performance.now();
    const scale = scaleOf(trace, now, { ...margin, width, height });
    this.drawAxes(scale, width, height);
    this.drawRequests(trace.requests, scale, now);
    this.drawStairs(trace, scale, now);
    this.drawEnd(trace, scale, height);
    this.drawWinner(trace, width);
    this.picker.refresh();
    this.describe();
    if (!trace.done) {
      nextFrame(this.draw);
    }
  }

  drawHead(trace) {
    const list = this.list();
    const i = list.indexOf(trace);
    setText(this.title, trace ? title(trace, this.names.get(trace.target)) : "Nothing yet");
    setText(this.caption, trace ? caption(trace, performance.now()) : "");
    setText(this.place, list.length ? `${i + 1} of ${list.length}` : "0 of 0");
    setAttr(this.back, "aria-disabled", i <= 0);
    setAttr(this.forth, "aria-disabled", i < 0 || i === list.length - 1);
  }

  drawAxes(scale, width, height) {
    const ticks = [
      ...scale.distances().map((d) => ({
        cls: "y",
        x: margin.left - 8,
        y: scale.y(d) + 4,
        text: String(d),
        d: `M${margin.left} ${crisp(scale.y(d))}H${width - margin.right}`,
      })),
      ...scale.times().map((t) => ({
        cls: "x",
        x: scale.x(t),
        y: height - 12,
        text: t ? millis(t).replace(".0 ms", " ms") : "0",
        d: `M${crisp(scale.x(t))} ${margin.top}V${height - margin.bottom}`,
      })),
    ];
    while (this.ticks.length > ticks.length) {
      this.ticks.pop().element.remove();
    }
    while (this.ticks.length < ticks.length) {
      const tick = { rule: svg("path", { class: "rule" }), text: svg("text") };
      tick.element = svg("g", {}, tick.rule, tick.text);
      this.ticks.push(tick);
      this.axes.append(tick.element);
    }
    ticks.forEach((t, i) => {
      setAttr(this.ticks[i].element, "class", `tick ${t.cls}`);
      setAttr(this.ticks[i].rule, "d", t.d);
      setAttr(this.ticks[i].text, "x", t.x.toFixed(1));
      setAttr(this.ticks[i].text, "y", t.y.toFixed(1));
      setText(this.ticks[i].text, t.text);
    });
  }

  drawRequests(requests, scale, now) {
    const gone = new Set(this.lines.keys());
    this.order = [];
    for (const r of requests) {
      gone.delete(r);
      const line = this.lines.get(r) ?? this.newLine(r);
      this.drawLine(line, r, scale, now);
      this.order.push(line);
    }
    for (const r of gone) {
      this.lines.get(r).element.remove();
      this.lines.delete(r);
    }
  }

  newLine(r) {
    const line = {
      key: r,
      line: svg("path", { class: "wait" }),
      late: svg("path", { class: "wait late" }),
      mark: svg("path", { class: "mark" }),
    };
    line.element = svg(
      "g",
      { role: "option", id: uniqueID("request"), "aria-selected": "false" },
      line.line,
      line.late,
      line.mark,
    );
    this.lines.set(r, line);
    this.marks.append(line.element);
    return line;
  }

  drawLine(line, r, scale, now) {
    const at = this.shown.at;
    const start = scale.x(r.sent - at);
    const until = (r.end ?? now) - at;
    const beyond = until > scale.maxTime;
    line.x = Math.max(scale.x(until), start + 3);
    line.y = scale.y(r.distance);
    const y = line.y.toFixed(1);
    const soft = r.late === null ? line.x : Math.min(line.x, scale.x(r.late - at));
    setAttr(line.line, "d", `M${start.toFixed(1)} ${y}H${soft.toFixed(1)}`);
    setAttr(line.late, "d", soft < line.x ? `M${soft.toFixed(1)} ${y}H${line.x.toFixed(1)}` : "");
    setAttr(line.mark, "d", beyond ? "M-5 -3.5L0 0L-5 3.5" : endShape(r, this.pathTo(r.to)));
    setAttr(line.mark, "transform", `translate(${line.x.toFixed(1)} ${y})`);
    setAttr(line.element, "class", lineClass(r, this.pathTo(r.to), beyond));
    setAttr(line.element, "aria-label", `${shortID(r.to.id)}, ${sentence(r)}`);
  }

  pathTo(contact) {
    return contact.path ? pathOf(contact) : (this.paths.get(contact.id) ?? "relay");
  }

  drawStairs(trace, scale, now) {
    const points = trace.staircase().filter(([t]) => t <= scale.maxTime);
    if (!points.length) {
      setAttr(this.stairs, "d", "");
      return;
    }
    let d = `M${scale.x(0).toFixed(1)} ${scale.y(160).toFixed(1)}`;
    for (const [t, distance] of points) {
      d += `H${scale.x(t).toFixed(1)}V${scale.y(distance).toFixed(1)}`;
    }
    setAttr(this.stairs, "d", `${d}H${scale.x(trace.duration(now)).toFixed(1)}`);
  }

  drawEnd(trace, scale, height) {
    const [rule, text] = this.end.children;
    setAttr(this.end, "visibility", trace.done ? "visible" : "hidden");
    if (!trace.done) {
      return;
    }
    const x = scale.x(trace.duration(0));
    setAttr(rule, "d", `M${crisp(x)} ${margin.top - 4}V${height - margin.bottom}`);
    setText(text, trace.done.found ? "found" : trace.purpose === "get" ? "not found" : "done");
    const below = x < headWidth;
    setAttr(text, "class", below ? "below" : "");
    setAttr(text, "x", (below ? x + 6 : x).toFixed(1));
    setAttr(text, "y", below ? margin.top + 12 : 10);
  }

  /** Rings the answer that the lookup was for, and says what it is. */
  drawWinner(trace, width) {
    const best = trace.winner() ?? (trace.done && trace.purpose !== "get" ? trace.nearest(1)[0] : null);
    const line = best && this.lines.get(best);
    setAttr(this.ring, "class", line ? "winner on" : "winner");
    setText(this.ringLabel, !line ? "" : trace.done.found ? "value here" : "nearest");
    if (line) {
      setAttr(this.ring, "cx", line.x.toFixed(1));
      setAttr(this.ring, "cy", line.y.toFixed(1));
      const fits = line.x < width - 92;
      setAttr(this.ringLabel, "class", fits ? "winner-label" : "winner-label end");
      setAttr(this.ringLabel, "x", (line.x + (fits ? 14 : -14)).toFixed(1));
      setAttr(this.ringLabel, "y", (line.y + 16).toFixed(1));
    }
  }

  describe() {
    const line = this.lines.get(this.picker.picked());
    setAttr(this.cursor, "class", line ? "cursor on" : "cursor");
    if (!line) {
      this.detail.clear();
      return;
    }
    setAttr(this.cursor, "cx", line.x.toFixed(1));
    setAttr(this.cursor, "cy", line.y.toFixed(1));
    const { to } = line.key;
    this.detail.update(
      to.id,
      prefixLength(to.id, this.shown.target),
      to.address,
      `${sentence(line.key)}, ${paths[this.pathTo(to)]}`,
    );
  }
}

function crisp(x) {
  return Math.round(x) + 0.5;
}

const outcomes = {
  sent: () => "no answer yet",
  late: () => "slow: somebody else is asked as well",
  overdue: () => "overdue: nobody waits for it any more",
  lost: () => "never answered",
  replied: (r) => `answered after ${millis(r.rtt)}${r.late === null ? "" : ", late"}`,
};

/** A request in words. */
function sentence(r) {
  return `${r.method}, distance 2^${Math.max(0, r.distance).toFixed(1)}, ${outcomes[r.stage](r)}`;
}

function endShape(r, path) {
  if (r.stage === "replied") {
    return markShape(path, markRadius);
  }
  return r.stage === "lost" ? "M-3.5 -3.5L3.5 3.5M-3.5 3.5L3.5 -3.5" : "M0 -3V3";
}

function lineClass(r, path, beyond) {
  const answered = r.stage === "replied" && !beyond;
  const late = answered && r.late !== null ? " tardy" : "";
  return `request ${answered ? "answered" : r.stage} ${path}${late}${r.method === "store" ? " store" : ""}`;
}

function legend() {
  const entry = (cls, mark, words, late = "") => {
    const picture = svg(
      "svg",
      { viewBox: "0 0 34 16", width: 34, height: 16, "aria-hidden": "true" },
      svg(
        "g",
        { class: `request ${cls}` },
        svg("path", { class: "wait", d: late ? "M2 8H14" : "M2 8H26" }),
        svg("path", { class: "wait late", d: late }),
        svg("path", { class: "mark", d: mark, transform: "translate(26 8)" }),
      ),
    );
    return el("li", {}, picture, words);
  };
  const stairs = svg(
    "svg",
    { viewBox: "0 0 34 16", width: 34, height: 16, "aria-hidden": "true" },
    svg("path", { class: "stairs", d: "M2 3H12V8H22V13H32" }),
  );
  return el(
    "ul",
    { class: "legend" },
    entry("answered relay", markShape("relay", 4), "answered"),
    entry("answered tardy relay", markShape("relay", 4), "late", "M14 8H26"),
    entry("lost relay", "M-3.5 -3.5L3.5 3.5M-3.5 3.5L3.5 -3.5", "no answer", "M14 8H26"),
    entry("answered store relay", markShape("relay", 4), "stored"),
    el("li", {}, stairs, "nearest so far"),
  );
}
