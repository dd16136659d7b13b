// Elements without markup: whatever comes from the network ends up in a text node
// or an attribute, never in a parser.

/** An HTML element. Functions among the props listen to events, the rest are attributes. */
export function el(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** An SVG element, likewise. */
export function svg(tag, props = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), props, children);
}

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === "function") {
      element.addEventListener(name.replace(/^on/, ""), value);
    } else if (value === true) {
      element.setAttribute(name, "");
    } else if (value !== false && value !== undefined && value !== null) {
      element.setAttribute(name, value);
    }
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Sets an element's text, if it is another one: writing costs a layout. */
export function setText(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

/** Sets an attribute, if it is another one. */
export function setAttr(element, name, value) {
  const text = String(value);
  if (element.getAttribute(name) !== text) {
    element.setAttribute(name, text);
  }
}

/** Shows or hides an element. */
export function show(element, visible) {
  if (element.hidden === visible) {
    element.hidden = !visible;
  }
}

let serial = 0;

/** An id for an element that another one refers to. */
export function uniqueID(stem) {
  serial++;
  return `${stem}-${serial}`;
}

/** A list of terms and figures; returns the element and a setter per term. */
export function figures(...rows) {
  const list = el("dl", { class: "figures" });
  const set = {};
  for (const [name, term, ...extra] of rows) {
    const value = el("span", { class: "figure" }, "–");
    list.append(el("div", {}, el("dt", {}, term), el("dd", {}, value, ...extra)));
    set[name] = (text) => setText(value, text);
  }
  return { list, set };
}
