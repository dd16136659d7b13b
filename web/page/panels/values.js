// Set and get: a key, a value with its type, and the outcome.

import { shareLink } from "../model/link.js";
import { BoundedMap } from "../model/ringbuffer.js";
import { count } from "../text/format.js";
import { hints, maxContent, parseTyped, settable, utf8Length } from "../text/valueinput.js";
import { CopyButton } from "../ui/copy.js";
import { el, setAttr, setText, show, uniqueID } from "../ui/dom.js";
import { Result } from "./result.js";

/** @import { Found, SetResult, Value, ValueType } from "../../kadmesh/kadmesh.js" */
/** @import { OwnValue } from "./result.js" */

/**
 * The operations of the node, as of Kadmesh.find and Kadmesh.set.
 *
 * @typedef {{ signal: AbortSignal }} Options
 * @typedef {{
 *   get: (key: string, options: Options) => Promise<Found>,
 *   set: (key: string, value: Value, options: Options & { type: ValueType }) => Promise<SetResult>,
 * }} Operations
 */

const plainText = { spellcheck: "false", autocomplete: "off", autocapitalize: "off" };

/** The panel with which a person gets and sets values. */
export class ValuesPanel {
  #operations;
  #key = el("input", {
    id: uniqueID("key"),
    class: "mono",
    enterkeyhint: "search",
    maxlength: 1000,
    oninput: () => this.#followKey(),
    ...plainText,
  });
  #keyError = el("p", { class: "error", id: uniqueID("key-error") });
  #link = el("a", { class: "button quiet", target: "_blank", rel: "noopener" }, "Open in another tab");
  #copyLink = new CopyButton(() => this.#link.href, "Copy share link");
  #type = el("select", { id: uniqueID("type"), onchange: () => this.#followType() });
  #hint = el("p", { class: "hint", id: uniqueID("hint") });
  #value = el("textarea", {
    id: uniqueID("value"),
    class: "mono",
    rows: 3,
    "aria-describedby": this.#hint.id,
    oninput: () => this.#showHint(),
    onkeydown: (event) => this.#press(event),
    ...plainText,
  });
  #yes = el("input", { type: "radio", name: uniqueID("truth"), value: "true", checked: true });
  #no = el("input", { type: "radio", name: this.#yes.name, value: "false" });
  #choice = el(
    "fieldset",
    { class: "choice", hidden: true },
    el("legend", { class: "spoken" }, "Value"),
    el("label", { class: "check" }, this.#yes, "true"),
    el("label", { class: "check" }, this.#no, "false"),
  );
  #result = new Result(() => this.#running?.abort());
  /** @type {AbortController | null} */
  #running = null;
  /** @type {BoundedMap<string, OwnValue>} */
  #own = new BoundedMap(100); // by key, as last set from here

  /**
   * @param {HTMLElement} host
   * @param {Operations} operations
   */
  constructor(host, operations) {
    this.#operations = operations;
    setAttr(this.#key, "aria-describedby", this.#keyError.id);
    this.#type.append(...settable.map(([type, words]) => el("option", { value: type }, `${words} (${type})`)));
    host.append(this.#getForm(), this.#setForm(), this.#result.element);
    this.#followType();
    this.#followKey();
  }

  /**
   * Gets a key; without one, the key in the form.
   *
   * @param {string} [given]
   */
  async get(given) {
    if (given !== undefined) {
      this.#key.value = given;
      this.#followKey();
    }
    const key = this.#wantedKey();
    if (key) {
      await this.#run(key, "Getting", async (signal) => {
        const found = await this.#operations.get(key, { signal });
        return (took) => this.#result.found(key, found, took, this.#own.get(key));
      });
    }
  }

  /** Forgets the outcome and the own values: the node has gone. */
  clear() {
    this.#running?.abort();
    this.#running = null;
    this.#own.clear();
    this.#result.clear();
  }

  #getForm() {
    const onsubmit = (/** @type {Event} */ event) => {
      event.preventDefault();
      this.get();
    };
    return el(
      "form",
      { novalidate: true, class: "get", onsubmit },
      field("Key", this.#key),
      el("button", { type: "submit", class: "main" }, "Get"),
      this.#keyError,
      el("div", { class: "share" }, this.#copyLink.element, this.#link),
    );
  }

  #setForm() {
    const onsubmit = (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#set();
    };
    return el(
      "form",
      { novalidate: true, class: "set", onsubmit },
      field("Value", el("div", { class: "slot" }, this.#value, this.#choice), this.#value.id),
      this.#hint,
      field("Type", this.#type),
      el("button", { type: "submit", class: "main" }, "Set"),
    );
  }

  /** @returns {ValueType} */
  get #chosenType() {
    return settable[this.#type.selectedIndex]?.[0] ?? "str";
  }

  /** Shows the hint and the control of the chosen type: a boolean has two radio buttons. */
  #followType() {
    const type = this.#chosenType;
    show(this.#choice, type === "bool");
    show(this.#value, type !== "bool");
    const modes = { int: "numeric", float: "decimal", str: "text", bool: "text", bytes: "text" };
    setAttr(this.#value, "inputmode", modes[type]);
    this.#showHint();
  }

  #showHint() {
    const type = this.#chosenType;
    const text = this.#value.value;
    this.#value.removeAttribute("aria-invalid");
    this.#hint.className = "hint";
    const used = `${count(utf8Length(text))} of ${count(maxContent)} bytes.`;
    setText(this.#hint, type === "str" && text ? used : hints[type]);
  }

  /** Makes the share link for the key in the form. */
  #followKey() {
    const key = this.#key.value;
    setText(this.#keyError, "");
    this.#key.removeAttribute("aria-invalid");
    this.#copyLink.disabled = !key;
    if (key) {
      setAttr(this.#link, "href", shareLink(location.href, key));
      this.#link.removeAttribute("aria-disabled");
    } else {
      this.#link.removeAttribute("href");
      setAttr(this.#link, "aria-disabled", true);
      setAttr(this.#link, "role", "link");
    }
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.#set();
    }
  }

  /** The key in the form. Without one, "" and an error under the field. */
  #wantedKey() {
    if (!this.#key.value) {
      setText(this.#keyError, "Type a key first: any name will do.");
      setAttr(this.#key, "aria-invalid", true);
      this.#key.focus();
    }
    return this.#key.value;
  }

  async #set() {
    const key = this.#wantedKey();
    const type = this.#chosenType;
    const truth = this.#yes.checked ? "true" : "false";
    const { value, error } = parseTyped(type, type === "bool" ? truth : this.#value.value);
    if (!key) {
      return;
    }
    if (error !== undefined) {
      setText(this.#hint, error);
      this.#hint.className = "hint error";
      setAttr(this.#value, "aria-invalid", true);
      this.#value.focus();
      return;
    }
    await this.#run(key, "Setting", async (signal) => {
      const { nodes } = await this.#operations.set(key, value, { type, signal });
      this.#own.set(key, { type, value, at: Date.now() });
      return (took) => this.#result.stored(key, nodes, took);
    });
  }

  /**
   * Runs one operation at a time: a new operation gives up the last.
   *
   * @param {string} key
   * @param {string} verb
   * @param {(signal: AbortSignal) => Promise<(took: number) => void>} operation resolves to
   *   a function that shows the outcome
   */
  async #run(key, verb, operation) {
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    const began = performance.now();
    this.#result.asking(verb, key);
    this.#result.element.scrollIntoView({ block: "nearest" });
    let tell;
    try {
      tell = await operation(running.signal);
    } catch (error) {
      tell = () => this.#result.failed(key, error);
    }
    if (this.#running === running) {
      this.#running = null;
      tell(performance.now() - began);
    }
  }
}

/**
 * @param {string} words
 * @param {HTMLElement} control
 * @param {string} id of the element that the label is for
 */
function field(words, control, id = control.id) {
  return el("div", { class: "field" }, el("label", { for: id }, words), control);
}
