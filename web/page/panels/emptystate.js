// The space while the node knows no other node: advice, with a command to copy.

import { CopyButton } from "../ui/copy.js";
import { el, setText } from "../ui/dom.js";

/** @import { Stream } from "../model/stream.js" */

/** Advice for a node without others, with a command that starts another node. */
export class EmptyState {
  /** @type {HTMLDivElement} */
  element;
  #command = el("code", { tabindex: 0 });

  /**
   * @param {Stream} stream
   * @param {string} page the URL of the page
   */
  constructor(stream, page) {
    stream.on("node", ({ address }) => this.#update(address));
    stream.on("relay", ({ address }) => this.#update(address));
    const copy = new CopyButton(() => this.#command.textContent ?? "", "Copy command");
    const link = { class: "button quiet", href: page, target: "_blank", rel: "noopener" };
    this.element = el(
      "div",
      {},
      el("p", {}, el("strong", {}, "Nobody else is here yet.")),
      el("p", {}, "Open this page in another tab, or start a node on a machine that can reach this address:"),
      el("pre", {}, this.#command),
      el("div", { class: "actions" }, copy.element, el("a", link, "Open another tab")),
    );
  }

  /** @param {string} address "" while none is lent */
  #update(address) {
    if (address) {
      setText(this.#command, `kadmesh node --listen 0.0.0.0:8468 --bootstrap ${address}`);
    }
  }
}
