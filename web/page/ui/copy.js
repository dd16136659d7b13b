// Copying to the clipboard. Pages that did not come by https have no clipboard
// object: there, a selection is copied.

import { el, setText } from "./dom.js";

/** How long a button confirms a copy, in milliseconds. */
const confirmFor = 1600;

/**
 * Copies a text. Resolves to false if the browser forbids it.
 *
 * @param {string} text
 */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

/** @param {string} text */
function copyBySelection(text) {
  const focused = document.activeElement;
  const area = el("textarea", { class: "offscreen", "aria-hidden": "true", readonly: true });
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (focused instanceof HTMLElement || focused instanceof SVGElement) {
    focused.focus();
  }
  return done;
}

/** A button that copies a text, and confirms it. */
export class CopyButton {
  /** @type {HTMLSpanElement} */
  element;
  #words = el("span");
  #spoken = el("span", { class: "spoken", role: "status" });
  #button;
  #timer = 0;

  /**
   * @param {() => string} text the text to copy, asked for at the click
   * @param {string} words
   * @param {string} [label] for screen readers, where words do not say enough
   */
  constructor(text, words = "Copy", label = undefined) {
    setText(this.#words, words);
    const onclick = async () => this.#confirm(await copy(text()), words);
    this.#button = el("button", { type: "button", class: "quiet copy", "aria-label": label, onclick }, this.#words);
    this.element = el("span", { class: "copy-box" }, this.#button, this.#spoken);
  }

  /** @param {boolean} disabled */
  set disabled(disabled) {
    this.#button.disabled = disabled;
  }

  /**
   * @param {boolean} done
   * @param {string} words
   */
  #confirm(done, words) {
    const trouble = "The browser does not let this page copy. Select the text instead.";
    setText(this.#words, done ? "Copied" : "Not copied");
    setText(this.#spoken, done ? "Copied" : trouble);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      setText(this.#words, words);
      setText(this.#spoken, "");
    }, confirmFor);
  }
}
