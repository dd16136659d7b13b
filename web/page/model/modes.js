// The modes of direct paths, and the mode chosen in this browser.

/** @import { DirectMode } from "../../kadmesh/kadmesh.js" */

/**
 * The name of each mode in words, and its consequence for the person.
 *
 * @type {Record<DirectMode, { name: string, words: string }>}
 */
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
      "As above, and every node that takes direct paths is told its local addresses, " +
      "or names that the browser makes up for them, once it has answered this tab.",
  },
};

/**
 * What others see of this tab in each mode: the end of a sentence that begins with
 * “Others see”.
 *
 * @type {Record<DirectMode, string>}
 */
export const seen = {
  "relay-only": "an address that this page’s relay lends you, not your own, until you leave or close the tab.",
  direct:
    "an address that this page’s relay lends you; those that speak with this tab directly see your own as well.",
  lan:
    "an address that this page’s relay lends you; those that speak with this tab directly see your own as well, " +
    "and every node that takes direct paths is told your local ones, once it has answered this tab.",
};

const item = "kadmesh-direct";

/**
 * The mode that was chosen in this browser before; "relay-only" if none was.
 *
 * @returns {DirectMode}
 */
export function modeBefore() {
  try {
    const mode = localStorage.getItem(item);
    return mode === "direct" || mode === "lan" ? mode : "relay-only";
  } catch {
    return "relay-only";
  }
}

/** @param {DirectMode} mode */
export function rememberMode(mode) {
  try {
    localStorage.setItem(item, mode);
  } catch {
    // Without storage the choice lasts until the page closes.
  }
}
