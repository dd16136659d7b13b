// What came of setting or getting: said once to those who listen, shown to those
// who look, and in a box that has its room from the start.

import { copyButton } from "../ui/copy.js";
import { el, figures, setAttr, setText, show } from "../ui/dom.js";
import { explain } from "../text/errors.js";
import { bytes, millis, plural, roughly } from "../text/format.js";
import { shortID } from "../model/ids.js";
import { bytesAsText, sameValue, showValue, tame, typeWords, utf8Length } from "../text/valueinput.js";

/** How much of a value is shown at first, in characters. */
const maxShown = 4000;

/** The box for results. cancel gives up what is under way. */
export function result(cancel) {
  return new Result(cancel);
}

class Result {
  constructor(cancel) {
    this.words = el("p", { class: "result-words" });
    this.advice = el("p", { class: "advice" });
    this.value = el("pre", { class: "value", tabindex: 0, "aria-label": "The value", dir: "auto" });
    this.warning = el("p", { class: "conflict" });
    this.facts = figures(["type", "Type"], ["holder", "Held by"], ["published", "Set"], ["took", "Took"]);
    this.cancel = el("button", { type: "button", class: "quiet", onclick: cancel }, "Give up");
    this.copy = copyButton(() => this.text, "Copy value");
    this.more = el("button", { type: "button", class: "quiet", onclick: () => this.showAll() }, "Show all");
    this.actions = el("div", { class: "actions" }, this.copy, this.more, this.cancel);
    this.spoken = el("p", { class: "spoken", role: "status" });
    this.element = el(
      "div",
      { class: "result", role: "group", "aria-label": "Result" },
      this.words,
      this.value,
      this.warning,
      this.facts.list,
      this.advice,
      this.actions,
      this.spoken,
    );
    this.text = "";
    this.clear();
  }

  /** Shows the parts named, and what kind of result it is; says it aloud. */
  be(kind, parts, words, advice = "") {
    setAttr(this.element, "data-kind", kind);
    for (const [name, element] of Object.entries({
      value: this.value,
      warning: this.warning,
      facts: this.facts.list,
      copy: this.copy,
      more: this.more,
      cancel: this.cancel,
    })) {
      show(element, parts.includes(name));
    }
    setText(this.words, words);
    setText(this.advice, advice);
    show(this.advice, advice !== "");
    setText(this.spoken, kind === "asking" || kind === "idle" ? "" : `${words} ${advice}`);
  }

  clear() {
    this.be("idle", [], "Results turn up here.");
  }

  asking(verb, key) {
    this.be("asking", ["cancel"], `${verb} “${tame(key)}” …`);
  }

  stored(key, nodes, took) {
    const few =
      nodes < 3
        ? "Few nodes have it: it lasts only as long as they stay."
        : "It lives for 24 hours, or until somebody sets this key again.";
    this.be("stored", [], `“${tame(key)}” is stored on ${plural(nodes, "node")}, after ${millis(took)}.`, few);
  }

  failed(key, error) {
    const { words, advice } = explain(error, key);
    this.be(
      error?.name === "AbortError" ? "idle" : error?.code === "not-found" ? "nothing" : "error",
      [],
      words,
      advice,
    );
  }

  found(key, found, took, mine) {
    this.text = showValue(found.type, found.value);
    const conflict = conflictOf(found, mine);
    const long = this.text.length > maxShown;
    const parts = ["value", "facts", "copy", ...(conflict ? ["warning"] : []), ...(long ? ["more"] : [])];
    this.be(
      conflict ? "conflict" : "found",
      parts,
      `“${tame(key)}” is ${typeWords[found.type] ?? found.type}:`,
      strange(found),
    );
    setText(this.value, this.text === "" ? "(empty)" : long ? `${this.text.slice(0, maxShown)}…` : this.text);
    this.value.classList.toggle("empty", this.text === "");
    setText(this.warning, conflict);
    const { set } = this.facts;
    set.type(`${found.type}${sizeOf(found)}`);
    set.holder(found.holder ? `${shortID(found.holder.id)} at ${found.holder.address}` : "this node");
    set.published(found.published === null ? "not said" : `${roughly(Date.now() - found.published)} ago`);
    set.took(millis(took));
    setText(this.spoken, `Found: ${typeWords[found.type] ?? found.type}, ${this.text.slice(0, 200)}. ${conflict}`);
  }

  showAll() {
    setText(this.value, this.text);
    show(this.more, false);
    this.value.focus();
  }
}

function sizeOf({ type, value }) {
  if (type === "str") {
    return `, ${bytes(utf8Length(String(value)))}`;
  }
  return value instanceof Uint8Array ? `, ${bytes(value.length)}` : "";
}

/** A word about values that not everybody can set, or that may be something else. */
function strange({ type, value }) {
  if (["list", "map", "other"].includes(type)) {
    return "A program of another kind has stored this. The page reads it from its encoding, and cannot set such values.";
  }
  const text = type === "bytes" && value instanceof Uint8Array ? bytesAsText(value) : null;
  return text ? `Read as text, these bytes say “${text.length > 120 ? `${text.slice(0, 120)}…` : text}”.` : "";
}

/** In which way a value is not what one may have expected; "" if in none. */
function conflictOf(found, mine) {
  if (mine && !sameValue(found.type, found.value, mine.type, mine.value)) {
    return `This is not what you set ${roughly(Date.now() - mine.at)} ago, which was ${excerpt(showValue(mine.type, mine.value))}. Somebody has overwritten it since, or one holder has not heard of it.`;
  }
  return "";
}

function excerpt(text) {
  return `“${text.length > 60 ? `${text.slice(0, 60)}…` : text}”`;
}
