// The choice of a mode of direct paths, with the consequences of each.

import { modes } from "../model/modes.js";
import { el, show, uniqueID } from "../ui/dom.js";

/** @import { DirectMode } from "../../kadmesh/kadmesh.js" */

/**
 * Radio buttons, one for each mode. Where the choice has effect at once, a button
 * confirms it: going through the choices by arrow key must reveal no address.
 */
export class ModeChoice {
  /** @type {HTMLFieldSetElement} */
  element;
  #current = "";
  /** @type {{ mode: DirectMode, input: HTMLInputElement, element: HTMLElement }[]} */
  #choices;
  #confirm;

  /**
   * @param {string} legend
   * @param {(mode: DirectMode) => void} onchoose
   * @param {string} [label] the words of the button that confirms; none if without
   */
  constructor(legend, onchoose, label) {
    const name = uniqueID("mode");
    const onchange = (/** @type {DirectMode} */ mode) => {
      if (label) {
        show(this.#confirm, mode !== this.#current);
      } else {
        onchoose(mode);
      }
    };
    const all = /** @type {DirectMode[]} */ (Object.keys(modes));
    this.#choices = all.map((mode) => newChoice(name, mode, () => onchange(mode)));
    const onclick = () => onchoose(this.#selected()?.mode ?? "relay-only");
    this.#confirm = el("p", { hidden: true }, label && el("button", { type: "button", onclick }, label));
    this.element = el(
      "fieldset",
      { class: "modes" },
      el("legend", { class: "spoken" }, legend),
      ...this.#choices.map(({ element }) => element),
      label ? this.#confirm : null,
    );
  }

  /**
   * Shows the mode in force.
   *
   * @param {DirectMode} mode
   */
  set(mode) {
    this.#current = mode;
    show(this.#confirm, false);
    for (const choice of this.#choices) {
      choice.input.checked = choice.mode === mode;
    }
  }

  focus() {
    this.#selected()?.input.focus({ preventScroll: true });
  }

  #selected() {
    return this.#choices.find(({ input }) => input.checked);
  }
}

/**
 * @param {string} name of the radio group
 * @param {DirectMode} mode
 * @param {() => void} onchange
 */
function newChoice(name, mode, onchange) {
  const hint = uniqueID("about");
  const input = el("input", { type: "radio", name, value: mode, onchange, "aria-describedby": hint });
  const choice = el("label", { class: "mode" }, input, el("strong", {}, modes[mode].name));
  return { mode, input, element: el("div", {}, choice, el("p", { class: "hint", id: hint }, modes[mode].words)) };
}
