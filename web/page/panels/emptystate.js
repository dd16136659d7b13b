// What to do when nobody else is there.

import { copyButton } from "../ui/copy.js";
import { el, setAttr, setText } from "../ui/dom.js";

/** A word for those who are alone, with a command that changes it. */
export function aloneWords(stream, page) {
  const command = el("code");
  const link = el("a", { class: "button quiet", href: page, target: "_blank", rel: "noopener" }, "Open another tab");
  stream.on("node", ({ address }) => setText(command, startCommand(address)));
  stream.on("relay", ({ address }) => address && setText(command, startCommand(address)));
  setAttr(command, "tabindex", 0);
  return el(
    "div",
    {},
    el("p", {}, el("strong", {}, "Nobody else is here yet.")),
    el("p", {}, "Open this page in another tab, or start a node on a machine that can reach this address:"),
    el("pre", {}, command),
    el(
      "div",
      { class: "actions" },
      copyButton(() => command.textContent, "Copy command"),
      link,
    ),
  );
}

function startCommand(address) {
  return `kadmesh node --listen 0.0.0.0:8468 --bootstrap ${address}`;
}
