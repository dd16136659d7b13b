// Set and get: a key, a value with its type, and what came of it.

import { copyButton } from "../ui/copy.js";
import { el, setAttr, setText, show, uniqueID } from "../ui/dom.js";
import { shareLink } from "../model/link.js";
import { BoundedMap } from "../model/ringbuffer.js";
import { result } from "./result.js";
import { hints, maxContent, parseTyped, settable, utf8Length } from "../text/valueinput.js";
import { count } from "../text/format.js";

/**
 * Makes the panel in host. operations has get(key, { signal }), which gives what
 * Kadmesh.find does, and set(key, value, { type, signal }). Returns { get(key),
 * clear() }.
 */
export function values(host, operations) {
  return new Values(host, operations);
}

class Values {
  running = null; // AbortController
  mine = new BoundedMap(100); // key: { type, value, at }, as last set from here

  constructor(host, operations) {
    this.operations = operations;
    this.build(host);
    this.typed();
    this.linked();
  }

  build(host) {
    this.key = el("input", {
      id: uniqueID("key"),
      class: "mono",
      autocomplete: "off",
      autocapitalize: "off",
      spellcheck: "false",
      enterkeyhint: "search",
      maxlength: 1000,
    });
    this.keyError = el("p", { class: "error", id: uniqueID("key-error") });
    setAttr(this.key, "aria-describedby", this.keyError.id);
    this.key.addEventListener("input", () => this.linked());
    this.open = el("a", { class: "button quiet", target: "_blank", rel: "noopener" }, "Open in another tab");
    this.copyLink = copyButton(() => this.open.href, "Copy share link");
    const get = el(
      "form",
      { novalidate: true, class: "get" },
      field("Key", this.key),
      el("button", { type: "submit", class: "main" }, "Get"),
      this.keyError,
      (this.share = el("div", { class: "share" }, this.copyLink, this.open)),
    );
    get.addEventListener("submit", (event) => {
      event.preventDefault();
      this.get();
    });
    host.append(get, this.buildSet());
    this.result = result(() => this.running?.abort());
    host.append(this.result.element);
  }

  buildSet() {
    this.type = el(
      "select",
      { id: uniqueID("type"), onchange: () => this.typed() },
      ...settable.map(([type, words]) => el("option", { value: type }, `${words} (${type})`)),
    );
    const hint = uniqueID("hint");
    this.value = el("textarea", {
      id: uniqueID("value"),
      class: "mono",
      rows: 3,
      spellcheck: "false",
      autocomplete: "off",
      autocapitalize: "off",
      "aria-describedby": hint,
    });
    this.value.addEventListener("input", () => this.hinted());
    this.value.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        this.set();
      }
    });
    const name = uniqueID("truth");
    this.truth = ["true", "false"].map((word) =>
      el("input", { type: "radio", name, value: word, checked: word === "true" }),
    );
    this.choice = el(
      "fieldset",
      { class: "choice", hidden: true },
      el("legend", { class: "spoken" }, "Value"),
      ...this.truth.map((input) => el("label", { class: "check" }, input, input.value)),
    );
    this.hint = el("p", { class: "hint", id: hint });
    const form = el(
      "form",
      { novalidate: true, class: "set" },
      field("Value", el("div", { class: "slot" }, this.value, this.choice), this.value.id),
      this.hint,
      field("Type", this.type),
      el("button", { type: "submit", class: "main" }, "Set"),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.set();
    });
    return form;
  }

  /** Follows a change of the type: another hint, and a choice for what has but two values. */
  typed() {
    const truth = this.type.value === "bool";
    show(this.choice, truth);
    show(this.value, !truth);
    setAttr(this.value, "inputmode", { int: "numeric", float: "decimal" }[this.type.value] ?? "text");
    this.hinted();
  }

  hinted() {
    const type = this.type.value;
    const text = this.value.value;
    this.value.removeAttribute("aria-invalid");
    this.hint.className = "hint";
    if (type === "str" && text) {
      setText(this.hint, `${count(utf8Length(text))} of ${count(maxContent)} bytes.`);
    } else {
      setText(this.hint, hints[type]);
    }
  }

  /** Follows a change of the key: the link is for the one that stands there. */
  linked() {
    const key = this.key.value;
    const button = this.copyLink.querySelector("button");
    setText(this.keyError, "");
    this.key.removeAttribute("aria-invalid");
    button.disabled = !key;
    if (key) {
      setAttr(this.open, "href", shareLink(location.href, key));
      this.open.removeAttribute("aria-disabled");
    } else {
      this.open.removeAttribute("href");
      setAttr(this.open, "aria-disabled", true);
      setAttr(this.open, "role", "link");
    }
  }

  /** The key that is asked for; "", with a word about it, if there is none. */
  wantedKey() {
    if (!this.key.value) {
      setText(this.keyError, "Type a key first: any name will do.");
      setAttr(this.key, "aria-invalid", true);
      this.key.focus();
    }
    return this.key.value;
  }

  /** Gets a key, or the one that stands in the form. */
  async get(given) {
    if (given !== undefined) {
      this.key.value = given;
      this.linked();
    }
    const key = this.wantedKey();
    if (key) {
      await this.run(key, "Getting", async (signal) => {
        const found = await this.operations.get(key, { signal });
        return (took) => this.result.found(key, found, took, this.mine.get(key));
      });
    }
  }

  async set() {
    const key = this.wantedKey();
    const type = this.type.value;
    const text = type === "bool" ? this.truth.find((t) => t.checked).value : this.value.value;
    const { value, error } = parseTyped(type, text);
    if (!key) {
      return;
    }
    if (error) {
      setText(this.hint, error);
      this.hint.className = "hint error";
      setAttr(this.value, "aria-invalid", true);
      this.value.focus();
      return;
    }
    await this.run(key, "Setting", async (signal) => {
      const { nodes } = await this.operations.set(key, value, { type, signal });
      this.mine.set(key, { type, value, at: Date.now() });
      return (took) => this.result.stored(key, nodes, took);
    });
  }

  /** Runs one operation at a time: a new one gives up the last. */
  async run(key, verb, operation) {
    this.running?.abort();
    const running = new AbortController();
    this.running = running;
    const began = performance.now();
    this.result.asking(verb, key);
    this.result.element.scrollIntoView({ block: "nearest" });
    let tell;
    try {
      tell = await operation(running.signal);
    } catch (error) {
      tell = () => this.result.failed(key, error);
    }
    if (this.running === running) {
      this.running = null;
      tell(performance.now() - began);
    }
  }

  /** Forgets what was asked for, when the node has gone. */
  clear() {
    this.running?.abort();
    this.running = null;
    this.mine.clear();
    this.result.clear();
  }
}

function field(words, control, id = control.id) {
  return el("div", { class: "field" }, el("label", { for: id }, words), control);
}
