// Errors in words, with advice.

/** @typedef {{ words: string, advice: string }} Explanation */
/** @typedef {{ name?: string, code?: string, message: string, relayCode?: string }} Failure */

import { tame } from "./valueinput.js";

/**
 * Explains the error of an operation on a key.
 *
 * @param {unknown} error
 * @param {string} key
 */
export function explain(error, key) {
  const failure = failureOf(error);
  const about = operations[codeOf(failure)] ?? operations.failed;
  return about(failure, `“${tame(key)}”`);
}

/** @type {Record<string, (error: Failure, key: string) => Explanation>} */
const operations = {
  "not-found": (_, key) => ({
    words: `Nobody has a value under ${key}.`,
    advice:
      "Keys are compared letter by letter: check the spelling. A value lives for 24 hours after it was last set.",
  }),
  "no-answer": () => ({
    words: "Nobody answered.",
    advice:
      "Try again in a few seconds. If that does not help, " +
      "see under Traffic whether the relay drops what this node sends.",
  }),
  "not-stored": (_, key) => ({
    words: `Too few nodes acknowledged the value of ${key}.`,
    advice: "Readers may see the old value or the new one. Set it again: storing twice does no harm.",
  }),
  value: (error) => ({ words: sentence(error.message), advice: "Change the value or its type; nothing was sent." }),
  relay: (error) =>
    refusal(error.relayCode) ?? {
      words: sentence(excerpt(error.message)),
      advice: "The node returns by itself once its relay does; then try again.",
    },
  stopped: () => ({ words: "The node has ended.", advice: "Join again, then repeat this." }),
  aborted: () => ({ words: "Given up.", advice: "What was stored until then stays stored." }),
  failed: (error) => ({
    words: sentence(error.message),
    advice: "Try again. If it keeps happening, copy the events below as JSON and report them.",
  }),
};

/**
 * Explains the error of Kadmesh.start.
 *
 * @param {unknown} error
 * @param {string} relay the host of the relay
 */
export function explainStart(error, relay) {
  const failure = failureOf(error);
  const about = starts[codeOf(failure)] ?? starts.failed;
  return about(failure, relay);
}

/** @type {Record<string, (error: Failure, relay: string) => Explanation>} */
const starts = {
  unsupported: (error) => ({
    words: `This browser cannot run a node: ${error.message}.`,
    advice:
      "Use a current Firefox, Chrome, Edge or Safari. In a locked-down mode " +
      "WebAssembly may be off: allow it for this site.",
  }),
  relay: (error, relay) =>
    refusal(error.relayCode) ?? {
      words: `The relay cannot be used: ${excerpt(error.message)}.`,
      advice:
        `Without ${relay} this tab has no address on the network. ` +
        "Check that it runs and that nothing between blocks WebSockets, then try again.",
    },
  "other-network": () => ({
    words: "The nodes to join through belong to a network of another name.",
    advice: "The server of this page names the network for its tabs: its operator has to correct the name.",
  }),
  load: (_, relay) => ({
    words: `The program of the node could not be loaded from ${relay}.`,
    advice: "The relay may be down, or the connection to it. Wait a moment, then reload the page.",
  }),
  aborted: () => ({ words: "Joining was cancelled.", advice: "Nothing of it is left running." }),
  stopped: () => ({ words: "The node has ended before it was ready.", advice: "Try again." }),
  failed: (error) => ({
    words: `Joining did not work: ${tame(error.message)}.`,
    advice: "Reload the page, then try again.",
  }),
};

/**
 * Explains the code with which a relay refuses a node; undefined for other codes.
 *
 * @param {string | undefined} relayCode
 */
export function refusal(relayCode) {
  return refusals[relayCode ?? ""];
}

/** @type {Record<string, Explanation | undefined>} */
const refusals = {
  token: {
    words: "The relay wants a token that it knows.",
    advice: "Whoever runs the relay can give you one, or a link that has it. Then try again.",
  },
  full: { words: "The relay has lent all its addresses.", advice: "Try again later, when others have left." },
  "per-ip": {
    words: "The relay lends no more addresses to the network that you are in.",
    advice: "Close other tabs that are nodes, here or on machines nearby, then try again.",
  },
  replaced: {
    words: "Another tab has taken over this node’s address.",
    advice: "Go on in that tab; or leave here, and join again as a node of its own.",
  },
  version: {
    words: "The relay and this page are of different versions.",
    advice: "Reload the page. If that does not help, the relay has to be updated.",
  },
};

/** The longest text from the network within a sentence, in characters. */
const maxExcerpt = 120;

/**
 * A text from the network as a part of a sentence.
 *
 * @param {string} text
 */
export function excerpt(text) {
  const all = tame(text);
  return all.length > maxExcerpt ? `${all.slice(0, maxExcerpt).trimEnd()}…` : all;
}

/**
 * An error, or any other thrown value, in one shape.
 *
 * @param {unknown} error
 * @returns {Failure}
 */
function failureOf(error) {
  const { name, code, message, relayCode } = /** @type {Partial<Failure>} */ (error ?? {});
  return { name, code, message: message || String(error), relayCode };
}

/** @param {Failure} error */
function codeOf({ name, code }) {
  return name === "AbortError" ? "aborted" : String(code);
}

/** @param {string} message */
function sentence(message) {
  const text = tame(message);
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}

/**
 * The feature that this browser lacks to run a node; "" if it has all.
 *
 * @param {Record<string, any>} scope
 */
export function missing(scope = globalThis) {
  const needs = [
    ["WebAssembly", "it has no WebAssembly"],
    ["WebSocket", "it has no WebSockets"],
    ["Worker", "it has no Workers"],
    ["BigInt", "it has no whole numbers of 64 bits"],
    ["crypto", "it has no source of randomness"],
  ];
  return needs.find(([name]) => !scope[name])?.[1] ?? "";
}
