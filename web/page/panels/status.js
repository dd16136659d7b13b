// The line at the top that says how the node is. It has the same height whatever
// it says.

import { el, setAttr, setText, svg } from "../ui/dom.js";
import { atMostEvery } from "../ui/frame.js";
import { countdown, State } from "../model/state.js";

const told = ["network", "node", "relay", "table", "stats", "record", "visible", "stopped"];

/** What each level looks like, by its shape as well: dot, ring, triangle, square. */
const shapes = {
  ok: "M2 8a6 6 0 1 0 12 0a6 6 0 1 0 -12 0Z",
  note: "M2 8a6 6 0 1 0 12 0a6 6 0 1 0 -12 0ZM5 8a3 3 0 1 1 6 0a3 3 0 1 1 -6 0Z",
  warn: "M8 1.5L15 14.5H1Z",
  bad: "M2 2H14V14H2Z",
};

/** Fills host with what the events of a stream come to. */
export function strip(host, stream) {
  const state = new State();
  const mark = svg("path", { "fill-rule": "evenodd" });
  const words = el("strong");
  const advice = el("span", { class: "advice" });
  const next = el("span", { class: "countdown" });
  const spoken = el("p", { class: "spoken", role: "status" });
  host.append(
    svg("svg", { viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" }, mark),
    el("p", { class: "strip-words" }, words, " ", advice, " ", next),
    spoken,
  );
  let key = "";
  const draw = () => {
    const now = performance.now();
    const message = state.message(now);
    setAttr(host, "data-level", message.level);
    setAttr(host, "data-state", message.key);
    setAttr(mark, "d", shapes[message.level]);
    setText(words, message.words);
    setText(advice, message.advice);
    setText(next, countdown(message, now));
    if (message.key !== key) {
      key = message.key;
      setText(spoken, `${message.words} ${message.advice}`);
    }
  };
  const redraw = atMostEvery(100, draw);
  for (const type of told) {
    stream.on(type, (event) => {
      state.take(type, event, performance.now());
      redraw();
    });
  }
  // The countdown, and news that get old, need time to be looked at.
  setInterval(() => document.hidden || host.closest("[hidden]") || redraw(), 1000);
}
