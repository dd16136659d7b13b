// Which direct paths there may be: the choice, with what each reveals.

import { el, uniqueID } from "./dom.js";

/** By the name that the module has for them: what it is called, and what it reveals. */
export const modes = {
  "relay-only": { name: "By the relay only", words: "All goes through the relay: no other node learns an address of yours." },
  direct: { name: "Directly where possible", words: "Nodes that speak with this tab directly see the public IP address of this device, as a website does." },
  lan: { name: "Also in the local network", words: "As above, and every node that takes direct paths is told its local addresses, or names that the browser makes up for them, once it has answered this tab." },
};

/** What others see of this tab, to end a sentence that begins with “Others see”. */
export const seen = {
  "relay-only": "an address that this page’s relay lends you, not your own, until you leave or close the tab.",
  direct: "an address that this page’s relay lends you; those that speak with this tab directly see your own as well.",
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

/** Fills host with the choice. Returns how to set it without a click. */
export function modeChoice(host, legend, chosen) {
  const name = uniqueID("mode");
  const inputs = Object.entries(modes).map(([mode, words]) => {
    const input = el("input", { type: "radio", name, value: mode, onchange: () => chosen(mode) });
    const about = uniqueID("about");
    input.setAttribute("aria-describedby", about);
    const label = el("label", { class: "mode" }, input, el("strong", {}, words.name));
    return { input, element: el("div", {}, label, el("p", { class: "hint", id: about }, words.words)) };
  });
  host.append(el("fieldset", { class: "modes" }, el("legend", { class: "spoken" }, legend), ...inputs.map(({ element }) => element)));
  return {
    set(mode) {
      inputs.forEach(({ input }) => (input.checked = input.value === mode));
    },
    focus() {
      inputs.find(({ input }) => input.checked)?.input.focus({ preventScroll: true });
    },
  };
}

