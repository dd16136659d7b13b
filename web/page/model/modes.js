// Which direct paths there may be: the choice, with what each reveals.

import { el, show, uniqueID } from "../ui/dom.js";

/** By the name that the module has for them: what it is called, and what it reveals. */
export const modes = {
  "relay-only": {
    name: "By the relay only",
    words: "All goes through the relay: no other node learns an address of yours.",
  },
  direct: {
    name: "Directly where possible",
    words: "Nodes that speak with this tab directly see the public IP address of this device, as a website does.",
  },
  lan: {
    name: "Also in the local network",
    words:
      "As above, and every node that takes direct paths is told its local addresses, or names that the browser makes up for them, once it has answered this tab.",
  },
};

/** What others see of this tab, to end a sentence that begins with “Others see”. */
export const seen = {
  "relay-only": "an address that this page’s relay lends you, not your own, until you leave or close the tab.",
  direct:
    "an address that this page’s relay lends you; those that speak with this tab directly see your own as well.",
  lan: "an address that this page’s relay lends you; those that speak with this tab directly see your own as well, and every node that takes direct paths is told your local ones, once it has answered this tab.",
};

const item = "kadmesh-direct";

/** The mode that was chosen in this browser before. */
export function modeBefore() {
  try {
    const mode = localStorage.getItem(item);
    return Object.hasOwn(modes, mode ?? "") ? mode : "relay-only";
  } catch {
    return "relay-only";
  }
}

export function rememberMode(mode) {
  try {
    localStorage.setItem(item, mode);
  } catch {
    // The choice is for this time then.
  }
}

/**
 * Fills host with the choice. With a label, a button of that name makes it, and not the
 * click itself: who goes through the choices by arrow key must not reveal an address on
 * the way. Returns how to set it without a click.
 */
export function modeChoice(host, legend, chosen, label = "") {
  const name = uniqueID("mode");
  let current = "";
  const choose = (mode) => (confirm ? show(confirm, mode !== current) : chosen(mode));
  const inputs = Object.entries(modes).map(([mode, words]) => {
    const input = el("input", { type: "radio", name, value: mode, onchange: () => choose(mode) });
    const about = uniqueID("about");
    input.setAttribute("aria-describedby", about);
    const choice = el("label", { class: "mode" }, input, el("strong", {}, words.name));
    return { input, element: el("div", {}, choice, el("p", { class: "hint", id: about }, words.words)) };
  });
  const selected = () => inputs.find(({ input }) => input.checked)?.input;
  const confirm = label
    ? el("p", { hidden: true }, el("button", { type: "button", onclick: () => chosen(selected().value) }, label))
    : null;
  const choices = inputs.map(({ element }) => element);
  host.append(el("fieldset", { class: "modes" }, el("legend", { class: "spoken" }, legend), ...choices, confirm));
  return {
    set(mode) {
      current = mode;
      if (confirm) {
        show(confirm, false);
      }
      inputs.forEach(({ input }) => (input.checked = input.value === mode));
    },
    focus() {
      selected()?.focus({ preventScroll: true });
    },
  };
}
