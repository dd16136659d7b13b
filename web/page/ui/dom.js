// Elements without markup: text from the network ends up in a text node or an
// attribute, never in a parser.

/**
 * The attributes of an element. A function listens to the event of its name, without
 * "on"; true is an empty attribute; false, null and undefined are no attribute.
 *
 * @typedef {Record<string, string | number | boolean | null | undefined | ((event: any) => void)>} Props
 * @typedef {Node | string | null | undefined} Child null and undefined are left out
 */

/**
 * An HTML element.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Props} props
 * @param {Child[]} children
 */
export function el(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  fill(element, props, children);
  return element;
}

/**
 * An SVG element.
 *
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Props} props
 * @param {Child[]} children
 */
export function svg(tag, props = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  fill(element, props, children);
  return element;
}

/** @type {(element: Element, props: Props, children: Child[]) => void} */
function fill(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === "function") {
      element.addEventListener(name.replace(/^on/, ""), value);
    } else if (value === true) {
      element.setAttribute(name, "");
    } else if (value !== false && value !== undefined && value !== null) {
      element.setAttribute(name, String(value));
    }
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
}

/**
 * Sets the text of a node. Text that stands there already is not written again: a
 * write costs a layout.
 *
 * @param {Node} node
 * @param {string} text
 */
export function setText(node, text) {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}

/**
 * Sets an attribute, unless it has the value already.
 *
 * @param {Element} element
 * @param {string} name
 * @param {string | number | boolean} value
 */
export function setAttr(element, name, value) {
  const text = String(value);
  if (element.getAttribute(name) !== text) {
    element.setAttribute(name, text);
  }
}

/**
 * Shows or hides an element.
 *
 * @param {HTMLElement} element
 * @param {boolean} visible
 */
export function show(element, visible) {
  if (element.hidden === visible) {
    element.hidden = !visible;
  }
}

let serial = 0;

/**
 * A new id for an element, by which another element refers to it.
 *
 * @param {string} stem
 */
export function uniqueID(stem) {
  serial++;
  return `${stem}-${serial}`;
}

/** A list of terms, each with a figure. */
export class Figures {
  element = el("dl", { class: "figures" });
  /** @type {Map<string, HTMLElement>} */
  #values = new Map(); // by name

  /** @param {[name: string, term: string, ...extra: Node[]][]} rows */
  constructor(...rows) {
    for (const [name, term, ...extra] of rows) {
      const value = el("span", { class: "figure" }, "–");
      this.element.append(el("div", {}, el("dt", {}, term), el("dd", {}, value, ...extra)));
      this.#values.set(name, value);
    }
  }

  /**
   * Sets the figure of the term with that name.
   *
   * @param {string} name
   * @param {string} text
   */
  set(name, text) {
    const value = this.#values.get(name);
    if (!value) {
      throw new Error(`no figure has the name ${name}`);
    }
    setText(value, text);
  }
}
