// Choosing a mark in a picture with the pointer or the arrow keys. The nearest mark
// within reach is chosen, so pointing need not be exact. For a screen reader the
// picture is a list.

/** How far from a mark the pointer may be, in pixels: half of a comfortable target. */
const reach = 22;

/**
 * A mark in a picture. Marks are told apart by their keys.
 *
 * @template Key
 * @typedef {{ key: Key, x: number, y: number, element: Element }} Mark
 */

/**
 * Makes the marks of an SVG element with role listbox choosable.
 *
 * @template Key
 */
export class Picker {
  #picture;
  #marks;
  #onpick;
  /** @type {Key | null} */
  #key = null;
  #held = false; // chosen by key or tap: the pointer moves on without effect

  /**
   * @param {SVGElement} picture
   * @param {() => Mark<Key>[]} marks in the order of the arrow keys
   * @param {(key: Key | null) => void} onpick hears the chosen key; null for nothing
   */
  constructor(picture, marks, onpick) {
    this.#picture = picture;
    this.#marks = marks;
    this.#onpick = onpick;
    picture.addEventListener("pointermove", (event) => {
      if (event.pointerType === "mouse" && !this.#held) {
        this.#choose(this.#nearest(event), false);
      }
    });
    picture.addEventListener("pointerleave", () => {
      if (!this.#held) {
        this.#choose(null, false);
      }
    });
    picture.addEventListener("click", (event) => this.#choose(this.#nearest(event), true));
    picture.addEventListener("focus", () => {
      if (this.#key === null && picture.matches(":focus-visible")) {
        this.#choose(marks()[0]?.key ?? null, true);
      }
    });
    picture.addEventListener("blur", () => this.#choose(null, false));
    picture.addEventListener("keydown", (event) => this.#press(event));
  }

  /** The key of the chosen mark, or null. */
  get picked() {
    return this.#key;
  }

  /** Follows marks that have moved, come or gone. */
  refresh() {
    let active = null;
    for (const mark of this.#marks()) {
      const selected = mark.key === this.#key;
      if ((mark.element.getAttribute("aria-selected") === "true") !== selected) {
        mark.element.setAttribute("aria-selected", String(selected));
      }
      if (selected) {
        active = mark.element.id;
      }
    }
    if (active) {
      this.#picture.setAttribute("aria-activedescendant", active);
    } else {
      this.#picture.removeAttribute("aria-activedescendant");
    }
  }

  /**
   * @param {Key | null} key
   * @param {boolean} hold
   */
  #choose(key, hold) {
    this.#held = hold && key !== null;
    if (key !== this.#key) {
      this.#key = key;
      this.refresh();
      this.#onpick(key);
    }
  }

  /** @param {MouseEvent} event */
  #nearest(event) {
    const box = this.#picture.getBoundingClientRect();
    const x = event.clientX - box.left;
    const y = event.clientY - box.top;
    let best = null;
    let bestSquare = reach * reach;
    for (const mark of this.#marks()) {
      const square = (mark.x - x) ** 2 + (mark.y - y) ** 2;
      if (square < bestSquare) {
        best = mark;
        bestSquare = square;
      }
    }
    return best?.key ?? null;
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    const list = this.#marks();
    const at = list.findIndex((mark) => mark.key === this.#key);
    const next = step(list, at, event.key);
    if (next !== undefined) {
      event.preventDefault();
      this.#choose(next, true);
    }
  }
}

/**
 * The key of the mark to which a key on the keyboard leads: null for no mark,
 * undefined if the key leads nowhere.
 *
 * @template Key
 * @param {{ key: Key, x: number, y: number }[]} list
 * @param {number} at the index of the chosen mark, or -1
 * @param {string} key as of KeyboardEvent
 */
export function step(list, at, key) {
  switch (key) {
    case "ArrowRight":
      return list[Math.min(at + 1, list.length - 1)]?.key;
    case "ArrowLeft":
      return list[Math.max(at - 1, 0)]?.key;
    case "Home":
      return list[0]?.key;
    case "End":
      return list.at(-1)?.key;
    case "Escape":
      return null;
    case "ArrowDown":
      return across(list, at, 1);
    case "ArrowUp":
      return across(list, at, -1);
  }
  return undefined;
}

/**
 * The key of a mark below (sign 1) or above (sign -1): on the nearest line there, the
 * mark that is nearest sideways.
 *
 * @template Key
 * @param {{ key: Key, x: number, y: number }[]} list
 * @param {number} at
 * @param {number} sign
 */
function across(list, at, sign) {
  const from = list[at] ?? list[0];
  if (!from) {
    return undefined;
  }
  const there = list.filter((m) => (m.y - from.y) * sign > 2);
  if (!there.length) {
    return from.key;
  }
  const line = Math.min(...there.map((m) => (m.y - from.y) * sign));
  const onLine = there.filter((m) => (m.y - from.y) * sign < line + 2);
  return onLine.reduce((a, b) => (Math.abs(b.x - from.x) < Math.abs(a.x - from.x) ? b : a)).key;
}
