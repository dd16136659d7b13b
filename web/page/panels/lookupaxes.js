// The axes of the picture of a lookup.

import { millis } from "../text/format.js";
import { setAttr, setText, svg } from "../ui/dom.js";

/** @import { Scale } from "../model/scale.js" */

/** The margins of the picture, in pixels. */
export const margin = { left: 34, right: 20, top: 24, bottom: 34 };

/** @typedef {{ axis: "x" | "y", x: number, y: number, text: string, d: string }} Tick */

/** The axes: time to the right, distance to the key downwards. */
export class LookupAxes {
  element = svg("g", { class: "axes", "aria-hidden": "true" });
  /** @type {{ element: SVGGElement, rule: SVGPathElement, text: SVGTextElement }[]} */
  #ticks = [];

  constructor() {
    this.element.append(svg("text", { class: "head", x: 0, y: 10 }, "log₂ of the distance to the key"));
  }

  /**
   * @param {Scale} scale
   * @param {number} width of the picture
   * @param {number} height
   */
  update(scale, width, height) {
    const ticks = [...distanceTicks(scale, width), ...timeTicks(scale, height)];
    while (this.#ticks.length > ticks.length) {
      this.#ticks.pop()?.element.remove();
    }
    while (this.#ticks.length < ticks.length) {
      const rule = svg("path", { class: "rule" });
      const text = svg("text");
      const element = svg("g", {}, rule, text);
      this.#ticks.push({ element, rule, text });
      this.element.append(element);
    }
    ticks.forEach((tick, i) => {
      const { element, rule, text } = this.#ticks[i];
      setAttr(element, "class", `tick ${tick.axis}`);
      setAttr(rule, "d", tick.d);
      setAttr(text, "x", tick.x.toFixed(1));
      setAttr(text, "y", tick.y.toFixed(1));
      setText(text, tick.text);
    });
  }
}

/** @type {(scale: Scale, width: number) => Tick[]} */
function distanceTicks(scale, width) {
  return scale.distances().map((distance) => ({
    axis: "y",
    x: margin.left - 8,
    y: scale.y(distance) + 4,
    text: String(distance),
    d: `M${margin.left} ${crisp(scale.y(distance))}H${width - margin.right}`,
  }));
}

/** @type {(scale: Scale, height: number) => Tick[]} */
function timeTicks(scale, height) {
  return scale.times().map((time) => ({
    axis: "x",
    x: scale.x(time),
    y: height - 12,
    text: time ? millis(time).replace(".0 ms", " ms") : "0",
    d: `M${crisp(scale.x(time))} ${margin.top}V${height - margin.bottom}`,
  }));
}

/**
 * The middle of a pixel: a line of one pixel is sharp there.
 *
 * @param {number} x
 */
export function crisp(x) {
  return Math.round(x) + 0.5;
}
