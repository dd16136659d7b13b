// A lookup as it closes in on its key. Time runs to the right. Downwards is the binary
// logarithm of the distance to the key: half the distance is always the same step. Each
// request is a line at the distance of its peer, from asking to the answer.

import { prefixLength } from "../model/ids.js";
import { BoundedMap } from "../model/ringbuffer.js";
import { scaleOf } from "../model/scale.js";
import { caption, title, Traces } from "../model/trace.js";
import { DetailLine } from "../ui/detail.js";
import { el, setAttr, setText, show, svg, uniqueID } from "../ui/dom.js";
import { oncePerFrame } from "../ui/frame.js";
import { Picker } from "../ui/picker.js";
import { pathOf, paths } from "../ui/symbols.js";
import { crisp, LookupAxes, margin } from "./lookupaxes.js";
import { requestLegend, RequestLine, requestWords } from "./requestline.js";

/** @import { Events } from "../../kadmesh/kadmesh.js" */
/** @import { Scale } from "../model/scale.js" */
/** @import { Stream } from "../model/stream.js" */
/** @import { Request, Trace } from "../model/trace.js" */

/** How far the heading of the upright axis reaches, in pixels. */
const headWidth = 200;
/** The room that the label of the winner needs, in pixels. */
const labelWidth = 92;

/** The panel of lookups, drawn from the events node, lookup, request, table, found, kept and named. */
export class LookupPanel {
  #title = el("p", { class: "lookup-title" });
  #caption = el("p", { class: "caption", id: uniqueID("lookup") });
  #back = squareButton("Earlier lookup", "‹", () => this.#browse(-1));
  #forth = squareButton("Later lookup", "›", () => this.#browse(1));
  #place = el("span", { class: "place" });
  #maintenance = el("input", { type: "checkbox", onchange: () => this.#choose() });
  #axes = new LookupAxes();
  #stairs = svg("path", { class: "stairs" });
  #endRule = svg("path");
  #endText = svg("text");
  #end = svg("g", { class: "end-line", "aria-hidden": "true" }, this.#endRule, this.#endText);
  #requests = svg("g", { role: "presentation" });
  #winner = svg("circle", { class: "winner", r: 8.5 });
  #winnerLabel = svg("text", { class: "winner-label", "aria-hidden": "true" });
  #cursor = svg("circle", { class: "cursor", r: 10 });
  #picture = svg(
    "svg",
    {
      class: "lookup",
      role: "listbox",
      tabindex: 0,
      "aria-label": "Requests of the lookup, in the order they were sent",
      "aria-describedby": this.#caption.id,
    },
    this.#axes.element,
    this.#stairs,
    this.#end,
    this.#requests,
    this.#winner,
    this.#winnerLabel,
    this.#cursor,
  );
  #empty = el("p", { class: "nothing" }, emptyWords);
  #detail = new DetailLine("Point at the end of a line, or choose one with the arrow keys.");
  /** @type {RequestLine[]} */
  #order = []; // the lines in the order of the requests
  #picker = new Picker(
    this.#picture,
    () => this.#order,
    () => this.#describe(),
  );
  #traces = new Traces();
  /** @type {BoundedMap<string, string>} */
  #names = new BoundedMap(200); // the text of keys
  /** @type {Map<string, string>} */
  #paths = new Map(); // by id
  /** @type {Trace | null} */
  #shown = null;
  #following = true; // the newest lookup is shown
  /** @type {Map<Request, RequestLine>} */
  #lines = new Map();
  #redraw = oncePerFrame(() => this.#draw());

  /**
   * @param {HTMLElement} host
   * @param {Stream} stream
   */
  constructor(host, stream) {
    const maintenance = el("label", { class: "check" }, this.#maintenance, "with maintenance");
    const nav = el("div", { class: "lookup-nav" }, this.#back, this.#place, this.#forth, maintenance);
    host.append(
      el("div", { class: "lookup-head" }, el("div", {}, this.#title, this.#caption), nav),
      el("div", { class: "picture-box" }, this.#picture, this.#empty),
      requestLegend(),
      this.#detail.element,
    );
    new ResizeObserver(this.#redraw).observe(this.#picture);
    stream.on("node", () => this.#reset());
    stream.on("lookup", (event) => this.#onLookup(event));
    stream.on("request", (event) => this.#redrawIf(this.#traces.request(event)));
    stream.on("found", (event) => this.#redrawIf(this.#traces.found(event)));
    stream.on("kept", (event) => this.#redrawIf(this.#traces.kept(event)));
    stream.on("named", ({ key, name }) => this.#names.set(key, name));
    stream.on("table", ({ entries }) => {
      this.#paths = new Map(entries.map((entry) => [entry.id, pathOf(entry)]));
    });
  }

  #reset() {
    this.#traces = new Traces();
    this.#shown = null;
    this.#following = true;
    this.#choose();
  }

  /** @param {Events["lookup"]} event */
  #onLookup(event) {
    const trace = this.#traces.lookup(event);
    if (event.stage === "started" || trace === this.#shown) {
      this.#choose();
    }
  }

  /**
   * Draws a trace that has changed, if it is shown.
   *
   * @param {Trace | undefined} trace
   */
  #redrawIf(trace) {
    if (trace && trace === this.#shown) {
      this.#redraw();
    }
  }

  #list() {
    return this.#traces.list(this.#maintenance.checked);
  }

  /** Shows the newest lookup. An earlier lookup stays, if it was chosen and is remembered. */
  #choose() {
    const list = this.#list();
    if (this.#following || !this.#shown || !list.includes(this.#shown)) {
      this.#following = true;
      this.#shown = list.at(-1) ?? null;
    }
    this.#redraw();
  }

  /** @param {number} step -1 for the lookup before, 1 for the lookup after */
  #browse(step) {
    const list = this.#list();
    const i = (this.#shown ? list.indexOf(this.#shown) : -1) + step;
    if (list[i]) {
      this.#shown = list[i];
      this.#following = i === list.length - 1;
      this.#redraw();
    }
  }

  #draw() {
    const { clientWidth: width, clientHeight: height } = this.#picture;
    const trace = this.#shown;
    const now = performance.now();
    this.#drawHead(trace, now);
    show(this.#empty, !trace);
    setAttr(this.#picture, "data-empty", trace ? "no" : "yes");
    this.#keepLines(trace && width ? trace.requests : []);
    if (!trace || !width) {
      return;
    }
    const scale = scaleOf(trace, now, { ...margin, width, height });
    this.#axes.update(scale, width, height);
    this.#order.forEach((line) => line.update(scale, trace.at, now, this.#pathTo(line.key)));
    this.#drawStairs(trace, scale, now);
    this.#drawEnd(trace, scale, height);
    this.#drawWinner(trace, width);
    this.#picker.refresh();
    this.#describe();
    if (!trace.done) {
      this.#redraw();
    }
  }

  /**
   * @param {Trace | null} trace
   * @param {number} now
   */
  #drawHead(trace, now) {
    const list = this.#list();
    const i = trace ? list.indexOf(trace) : -1;
    setText(this.#title, trace ? title(trace, this.#names.get(trace.target)) : "Nothing yet");
    setText(this.#caption, trace ? caption(trace, now) : "");
    setText(this.#place, list.length ? `${i + 1} of ${list.length}` : "0 of 0");
    setAttr(this.#back, "aria-disabled", i <= 0);
    setAttr(this.#forth, "aria-disabled", i < 0 || i === list.length - 1);
  }

  /**
   * Keeps a line for each request, and no others.
   *
   * @param {Request[]} requests
   */
  #keepLines(requests) {
    const gone = new Map(this.#lines);
    this.#order = requests.map((request) => {
      gone.delete(request);
      return this.#lines.get(request) ?? this.#newLine(request);
    });
    for (const [request, line] of gone) {
      line.element.remove();
      this.#lines.delete(request);
    }
  }

  /** @param {Request} request */
  #newLine(request) {
    const line = new RequestLine(request);
    this.#lines.set(request, line);
    this.#requests.append(line.element);
    return line;
  }

  /** @param {Request} request */
  #pathTo({ to }) {
    return to.path ? pathOf(to) : pathOf({ path: this.#paths.get(to.id) });
  }

  /**
   * @param {Trace} trace
   * @param {Scale} scale
   * @param {number} now
   */
  #drawStairs(trace, scale, now) {
    const points = trace.staircase().filter(([t]) => t <= scale.maxTime);
    const steps = points.map(([t, distance]) => `H${scale.x(t).toFixed(1)}V${scale.y(distance).toFixed(1)}`);
    const begin = `M${scale.x(0).toFixed(1)} ${scale.y(160).toFixed(1)}`;
    const end = `H${scale.x(trace.duration(now)).toFixed(1)}`;
    setAttr(this.#stairs, "d", points.length ? begin + steps.join("") + end : "");
  }

  /**
   * @param {Trace} trace
   * @param {Scale} scale
   * @param {number} height
   */
  #drawEnd(trace, scale, height) {
    setAttr(this.#end, "visibility", trace.done ? "visible" : "hidden");
    if (!trace.done) {
      return;
    }
    const x = scale.x(trace.duration(0));
    setAttr(this.#endRule, "d", `M${crisp(x)} ${margin.top - 4}V${height - margin.bottom}`);
    setText(this.#endText, trace.done.found ? "found" : trace.purpose === "get" ? "not found" : "done");
    const below = x < headWidth;
    setAttr(this.#endText, "class", below ? "below" : "");
    setAttr(this.#endText, "x", (below ? x + 6 : x).toFixed(1));
    setAttr(this.#endText, "y", below ? margin.top + 12 : 10);
  }

  /**
   * Rings the answer with the value, or the nearest answer of another lookup.
   *
   * @param {Trace} trace
   * @param {number} width
   */
  #drawWinner(trace, width) {
    const nearest = trace.done && trace.purpose !== "get" ? trace.nearest(1)[0] : undefined;
    const best = trace.winner() ?? nearest;
    const line = best && this.#lines.get(best);
    setAttr(this.#winner, "class", line ? "winner on" : "winner");
    setText(this.#winnerLabel, !line ? "" : trace.done?.found ? "value here" : "nearest");
    if (line) {
      const fits = line.x < width - labelWidth;
      setAttr(this.#winner, "cx", line.x.toFixed(1));
      setAttr(this.#winner, "cy", line.y.toFixed(1));
      setAttr(this.#winnerLabel, "class", fits ? "winner-label" : "winner-label end");
      setAttr(this.#winnerLabel, "x", (line.x + (fits ? 14 : -14)).toFixed(1));
      setAttr(this.#winnerLabel, "y", (line.y + 16).toFixed(1));
    }
  }

  /** Describes the chosen request below the picture. */
  #describe() {
    const request = this.#picker.picked;
    const line = request && this.#lines.get(request);
    setAttr(this.#cursor, "class", line ? "cursor on" : "cursor");
    if (!line || !this.#shown) {
      this.#detail.clear();
      return;
    }
    setAttr(this.#cursor, "cx", line.x.toFixed(1));
    setAttr(this.#cursor, "cy", line.y.toFixed(1));
    const { id, address } = request.to;
    const words = `${requestWords(request)}, ${paths[this.#pathTo(request)]}`;
    this.#detail.update(id, prefixLength(id, this.#shown.target), address, words);
  }
}

const emptyWords = "No lookup yet. Get or set a key, and watch here how the node closes in on it.";

/** @type {(label: string, words: string, onclick: () => void) => HTMLButtonElement} */
function squareButton(label, words, onclick) {
  return el("button", { type: "button", class: "quiet square", "aria-label": label, onclick }, words);
}
