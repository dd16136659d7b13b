// The line at the top with the state of the node. Its height does not depend on the
// text.

import { countdown, State } from "../model/state.js";
import { el, setAttr, setText, svg } from "../ui/dom.js";
import { atMostEvery } from "../ui/frame.js";

/** @import { Message } from "../model/state.js" */
/** @import { PageEvents, Stream } from "../model/stream.js" */

/**
 * The types of events that change the state.
 *
 * @type {(keyof PageEvents)[]}
 */
const types = ["network", "node", "relay", "table", "stats", "record", "visible", "stopped"];

/**
 * The shape of each level, since colour is never the only sign: dot, ring, triangle,
 * square.
 *
 * @type {Record<Message["level"], string>}
 */
const shapes = {
  ok: "M2 8a6 6 0 1 0 12 0a6 6 0 1 0 -12 0Z",
  note: "M2 8a6 6 0 1 0 12 0a6 6 0 1 0 -12 0ZM5 8a3 3 0 1 1 6 0a3 3 0 1 1 -6 0Z",
  warn: "M8 1.5L15 14.5H1Z",
  bad: "M2 2H14V14H2Z",
};

/** The line with the state of the node. */
export class Status {
  #host;
  #state = new State();
  #symbol = svg("path", { "fill-rule": "evenodd" });
  #words = el("strong");
  #advice = el("span", { class: "advice" });
  #next = el("span", { class: "countdown" });
  #spoken = el("p", { class: "spoken", role: "status" });
  #key = ""; // of the message that was last spoken
  #redraw = atMostEvery(100, () => this.#draw());

  /**
   * @param {HTMLElement} host
   * @param {Stream} stream
   */
  constructor(host, stream) {
    this.#host = host;
    const picture = { viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" };
    host.append(
      svg("svg", picture, this.#symbol),
      el("p", { class: "status-words" }, this.#words, " ", this.#advice, " ", this.#next),
      this.#spoken,
    );
    for (const type of types) {
      stream.on(type, (event) => {
        this.#state.take(type, event, performance.now());
        this.#redraw();
      });
    }
    // The countdown changes with time, and news get old.
    setInterval(() => {
      if (!document.hidden && !host.closest("[hidden]")) {
        this.#redraw();
      }
    }, 1000);
  }

  #draw() {
    const now = performance.now();
    const message = this.#state.message(now);
    setAttr(this.#host, "data-level", message.level);
    setAttr(this.#host, "data-state", message.key);
    setAttr(this.#symbol, "d", shapes[message.level]);
    setText(this.#words, message.words);
    setText(this.#advice, message.advice);
    setText(this.#next, countdown(message, now));
    if (message.key !== this.#key) {
      this.#key = message.key;
      setText(this.#spoken, `${message.words} ${message.advice}`);
    }
  }
}
