// The line below a picture that describes the chosen mark. It has its room from the
// start, so that nothing moves.

import { shortID } from "../model/ids.js";
import { el, setText, show } from "./dom.js";
import { Identicon } from "./identicon.js";

/** The line below a picture that describes the chosen mark. */
export class DetailLine {
  /** @type {HTMLDivElement} */
  element;
  #picture = new Identicon();
  #id = el("span", { class: "id" });
  #where = el("span", { class: "address" });
  #words = el("span", { class: "words" });
  #chosen;
  #idle;

  /** @param {string} invitation the text while nothing is chosen */
  constructor(invitation) {
    const about = el("div", {}, el("div", { class: "who" }, this.#id, this.#where), this.#words);
    this.#chosen = el("div", { class: "chosen", hidden: true }, this.#picture.element, about);
    this.#idle = el("p", {}, invitation);
    this.element = el("div", { class: "detail" }, this.#idle, this.#chosen);
  }

  /**
   * Describes a node.
   *
   * @param {string} id
   * @param {number} shared leading bits that its id shares with the one in question
   * @param {string} address
   * @param {string} sentence
   */
  update(id, shared, address, sentence) {
    this.#picture.update(id, shared);
    setText(this.#id, shortID(id));
    setText(this.#where, address);
    setText(this.#words, sentence);
    show(this.#chosen, true);
    show(this.#idle, false);
  }

  clear() {
    show(this.#chosen, false);
    show(this.#idle, true);
  }
}
