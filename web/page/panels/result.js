// The outcome of setting or getting. It is spoken once for a screen reader, and shown
// in a box that has its room from the start.

import { shortID } from "../model/ids.js";
import { explain } from "../text/errors.js";
import { bytes, millis, plural, roughly } from "../text/format.js";
import { bytesAsText, sameValue, showValue, tame, typeWords, utf8Length } from "../text/valueinput.js";
import { CopyButton } from "../ui/copy.js";
import { el, Figures, setAttr, setText, show } from "../ui/dom.js";

/** @import { Found, Value, ValueType } from "../../kadmesh/kadmesh.js" */

/**
 * A value that this tab has set, and when.
 *
 * @typedef {{ type: ValueType, value: Value, at: number }} OwnValue
 */

/** How much of a value is shown at first, and in a sentence, in characters. */
const maxShown = 4000;
const maxExcerpt = 60;
const maxBytesExcerpt = 120;

/** The box for the outcome of setting and getting. */
export class Result {
  /** @type {HTMLDivElement} */
  element;
  #words = el("p", { class: "result-words" });
  #value = el("pre", { class: "value", tabindex: 0, "aria-label": "The value", dir: "auto" });
  #warning = el("p", { class: "conflict" });
  #facts = new Figures(["type", "Type"], ["holder", "Held by"], ["published", "Set"], ["took", "Took"]);
  #advice = el("p", { class: "advice" });
  #copy = new CopyButton(() => this.#text, "Copy value");
  #more = el("button", { type: "button", class: "quiet", onclick: () => this.#showAll() }, "Show all");
  #cancel;
  #spoken = el("p", { class: "spoken", role: "status" });
  #text = ""; // of the value

  /** @param {() => void} oncancel gives up the operation under way */
  constructor(oncancel) {
    this.#cancel = el("button", { type: "button", class: "quiet", onclick: oncancel }, "Give up");
    this.element = el(
      "div",
      { class: "result", role: "group", "aria-label": "Result" },
      this.#words,
      this.#value,
      this.#warning,
      this.#facts.element,
      this.#advice,
      el("div", { class: "actions" }, this.#copy.element, this.#more, this.#cancel),
      this.#spoken,
    );
    this.clear();
  }

  clear() {
    this.#be("idle", "Results turn up here.");
  }

  /**
   * @param {string} verb
   * @param {string} key
   */
  asking(verb, key) {
    this.#be("asking", `${verb} “${tame(key)}” …`);
    show(this.#cancel, true);
  }

  /**
   * @param {string} key
   * @param {number} nodes
   * @param {number} took in milliseconds
   */
  stored(key, nodes, took) {
    const few = "Few nodes have it: it lasts only as long as they stay.";
    const enough = "It lives for 24 hours, or until somebody sets this key again.";
    const words = `“${tame(key)}” is stored on ${plural(nodes, "node")}, after ${millis(took)}.`;
    this.#be("stored", words, nodes < 3 ? few : enough);
  }

  /**
   * @param {string} key
   * @param {any} error
   */
  failed(key, error) {
    const { words, advice } = explain(error, key);
    const kind = error?.code === "not-found" ? "nothing" : "error";
    this.#be(error?.name === "AbortError" ? "idle" : kind, words, advice);
  }

  /**
   * @param {string} key
   * @param {Found} found
   * @param {number} took in milliseconds
   * @param {OwnValue} [own] the value that this tab set last
   */
  found(key, found, took, own) {
    const text = showValue(found.type, found.value);
    const conflict = conflictOf(found, own);
    const type = typeWords[found.type] ?? found.type;
    this.#be(conflict ? "conflict" : "found", `“${tame(key)}” is ${type}:`, strange(found));
    this.#showValue(text);
    setText(this.#warning, conflict);
    show(this.#warning, conflict !== "");
    this.#showFacts(found, took);
    show(this.#copy.element, true);
    setText(this.#spoken, `Found: ${type}, ${text.slice(0, 200)}. ${conflict}`);
  }

  /**
   * Shows a sentence and hides the other parts.
   *
   * @param {"idle" | "asking" | "stored" | "nothing" | "error" | "conflict" | "found"} kind
   * @param {string} words
   */
  #be(kind, words, advice = "") {
    setAttr(this.element, "data-kind", kind);
    for (const part of [this.#value, this.#warning, this.#facts.element, this.#copy.element, this.#more]) {
      show(part, false);
    }
    show(this.#cancel, false);
    setText(this.#words, words);
    setText(this.#advice, advice);
    show(this.#advice, advice !== "");
    setText(this.#spoken, kind === "asking" || kind === "idle" ? "" : `${words} ${advice}`);
  }

  /** @param {string} text */
  #showValue(text) {
    const long = text.length > maxShown;
    this.#text = text;
    setText(this.#value, long ? `${text.slice(0, maxShown)}…` : text || "(empty)");
    this.#value.classList.toggle("empty", text === "");
    show(this.#value, true);
    show(this.#more, long);
  }

  #showAll() {
    setText(this.#value, this.#text);
    show(this.#more, false);
    this.#value.focus();
  }

  /**
   * @param {Found} found
   * @param {number} took
   */
  #showFacts(found, took) {
    const { type, holder, published } = found;
    this.#facts.set("type", `${type}${sizeOf(found)}`);
    this.#facts.set("holder", holder ? `${shortID(holder.id)} at ${holder.address}` : "this node");
    this.#facts.set("published", published === null ? "not said" : `${roughly(Date.now() - published)} ago`);
    this.#facts.set("took", millis(took));
    show(this.#facts.element, true);
  }
}

/** @param {Found} found */
function sizeOf({ type, value }) {
  if (type === "str") {
    return `, ${bytes(utf8Length(String(value)))}`;
  }
  return value instanceof Uint8Array ? `, ${bytes(value.length)}` : "";
}

/**
 * A note about a value that the page cannot set, or that may also be text; else "".
 *
 * @param {Found} found
 */
function strange({ type, value }) {
  if (["list", "map", "other"].includes(type)) {
    const other = "A program of another kind has stored this. ";
    return `${other}The page reads it from its encoding, and cannot set such values.`;
  }
  const text = type === "bytes" && value instanceof Uint8Array ? bytesAsText(value) : null;
  return text ? `Read as text, these bytes say ${excerpt(text, maxBytesExcerpt)}.` : "";
}

/**
 * How a value differs from the value that this tab has set; "" if it does not.
 *
 * @param {Found} found
 * @param {OwnValue} [own]
 */
function conflictOf(found, own) {
  if (!own || sameValue(found.type, found.value, own.type, own.value)) {
    return "";
  }
  const was = excerpt(showValue(own.type, own.value), maxExcerpt);
  return (
    `This is not what you set ${roughly(Date.now() - own.at)} ago, which was ${was}. ` +
    "Somebody has overwritten it since, or one holder has not heard of it."
  );
}

/**
 * @param {string} text
 * @param {number} most in characters
 */
function excerpt(text, most) {
  return `“${text.length > most ? `${text.slice(0, most)}…` : text}”`;
}
