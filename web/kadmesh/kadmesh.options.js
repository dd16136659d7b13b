// The options of Kadmesh.start: see StartOptions in kadmesh.d.ts.

import { UnsupportedError, ValueError } from "./kadmesh.errors.js";

const names = [
  "relay",
  "bootstrap",
  "token",
  "storage",
  "storeBytes",
  "direct",
  "iceServers",
  "network",
  "k",
  "alpha",
  "wasm",
  "worker",
  "signal",
  "onprogress",
];

/** @import { ChangeOptions, DirectMode, GetOptions, StartOptions } from "./kadmesh.js" */

/**
 * The options as the core reads them (newHost in cmd/wasm), and the URL of the core. k
 * is 0 for that of the network.
 *
 * @typedef {{ relays: string[], bootstrap: string[], token: string, storage: string, storeBytes: number,
 *   direct: DirectMode, network: string, k: number, alpha: number, wasm: string }} Checked
 */

/**
 * The modes of direct paths.
 *
 * @type {unknown[]}
 */
const modes = ["relay-only", "direct", "lan"];

/**
 * The options with their defaults. Throws if they make no sense.
 *
 * @param {StartOptions} options
 * @returns {Checked}
 */
export function check(options) {
  checkBrowser();
  checkKinds(/** @type {any} */ (options));
  const {
    relay,
    bootstrap = [],
    token = "",
    storage = "kadmesh",
    storeBytes = 16 * 2 ** 20,
    direct = "relay-only",
    network = "",
    k = 0,
    alpha = 3,
    wasm,
  } = options;
  return {
    relays: relays(relay),
    bootstrap: bootstrap.map(address),
    token,
    storage: storage || "",
    storeBytes,
    direct,
    network,
    k,
    alpha,
    wasm: wasm === undefined ? new URL("./kadmesh.wasm", import.meta.url).href : url("wasm", wasm).href,
  };
}

function checkBrowser() {
  if (!globalThis.WebAssembly) {
    throw new UnsupportedError("this browser has no WebAssembly");
  }
  if (!globalThis.WebSocket) {
    throw new UnsupportedError("this browser has no WebSocket; Node.js has one from version 22 on");
  }
}

/** @param {Record<string, any>} options */
function checkKinds(options) {
  if (options === null || typeof options !== "object") {
    throw new ValueError(`options: want an object, not ${show(options)}`);
  }
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new ValueError(`there is no option ${unknown}: there are ${names.join(", ")}`);
  }
  /** @type {(name: string, kind: string, fits: (value: any) => boolean) => void} */
  const want = (name, kind, fits) => {
    if (options[name] !== undefined && !fits(options[name])) {
      throw new ValueError(`option ${name}: want ${kind}, not ${show(options[name])}`);
    }
  };
  for (const name of ["storeBytes", "k", "alpha"]) {
    want(name, "a whole number from 1 up", (n) => Number.isSafeInteger(n) && n > 0);
  }
  want("bootstrap", "an array of addresses", Array.isArray);
  want(
    "token",
    "a string of 255 bytes at most",
    (t) => typeof t === "string" && new TextEncoder().encode(t).length < 256,
  );
  want("storage", "the name of a database, or false", (s) => s === false || (typeof s === "string" && s !== ""));
  want("network", "a string", (name) => typeof name === "string");
  want("direct", `one of ${modes.map(show).join(", ")}`, (mode) => modes.includes(mode));
  want(
    "iceServers",
    "an array of RTCIceServer",
    (list) => Array.isArray(list) && list.every((server) => server !== null && typeof server === "object"),
  );
  want("worker", "true or false", (w) => typeof w === "boolean");
  want("signal", "an AbortSignal", (s) => typeof s?.throwIfAborted === "function");
  want("onprogress", "a function", (f) => typeof f === "function");
}

/**
 * The URLs of the relays. The default is the relay that the module comes from.
 *
 * @param {StartOptions["relay"]} option
 */
function relays(option) {
  if (option === undefined) {
    const here = import.meta.url;
    if (!/^https?:/.test(here)) {
      throw new ValueError("option relay: want the URL of a relay, as wss://relay.example.org");
    }
    return [new URL("/relay", here).href];
  }
  /** @type {(string | URL)[]} */
  const list = [option].flat();
  if (!list.length) {
    throw new ValueError("option relay: the list is empty");
  }
  return list.map((relay) => {
    const { href, protocol } = url("relay", relay, null);
    if (!/^(wss?|https?):$/.test(protocol)) {
      throw new ValueError(`option relay: ${href} must start with wss:, ws:, https: or http:`);
    }
    if (href.includes("#")) {
      throw new ValueError(`option relay: ${href} has a fragment (#), which means nothing to a relay`);
    }
    return href;
  });
}

const wantWhole = " that can be used here: want a whole one, as wss://relay.example.org";

/**
 * A URL, perhaps relative to base. The default base is the page, if there is one.
 *
 * @param {string} name of the option
 * @param {unknown} text
 * @param {string | null} base
 */
function url(name, text, base = globalThis.location?.href) {
  const parsed = typeof text === "string" || text instanceof URL ? parse(text, base) : null;
  if (!parsed) {
    throw new ValueError(`option ${name}: ${show(text)} is no URL${name === "relay" ? wantWhole : ""}`);
  }
  return parsed;
}

/** @type {(text: string | URL, base?: string | null) => URL | null} */
function parse(text, base) {
  try {
    return new URL(text, base ?? undefined);
  } catch {
    return null;
  }
}

/** @param {string} text */
function address(text) {
  const [, ip, port] = /^([\d.]+|\[[\da-f:.]+\]):(\d{1,5})$/i.exec(text) ?? [];
  const host = ip && parse(`http://${ip}`)?.hostname;
  const exact = host === ip || ip.startsWith("["); // 1.2 and 01.2.3.4 are IPv4 to a URL
  if (typeof text !== "string" || !host || !exact || Number(port) < 1 || Number(port) > 65535) {
    throw new ValueError(`option bootstrap: ${show(text)} is no address, as 192.0.2.1:8468`);
  }
  return text;
}

/** @param {unknown} value */
function show(value) {
  return typeof value === "string" ? JSON.stringify(value) : Array.isArray(value) ? "an array" : String(value);
}

/**
 * The quorum and the maximum age, as the core reads them: 0 for the defaults.
 *
 * @param {GetOptions} options
 */
export function getArguments({ quorum, maxAge } = {}) {
  wantNumber("quorum", quorum, 1, "a whole number from 1 up");
  wantNumber("maxAge", maxAge, 0, "a whole number of milliseconds");
  return [quorum ?? 0, maxAge ?? 0];
}

/** The longest life of a value, in milliseconds: a week. */
const maxTTL = 7 * 24 * 3600 * 1000;

/**
 * The life and the condition, as the core reads them: 0 for the default and for none,
 * and -1 for no value.
 *
 * @param {ChangeOptions & { ttl?: number | undefined }} options
 */
export function changeArguments({ ttl, ifVersion } = {}) {
  wantNumber("ttl", ttl, 1000, "milliseconds from 1000 to a week", maxTTL);
  if (ifVersion !== "none") {
    wantNumber("ifVersion", ifVersion, 1, 'a version, as find returns it, or "none"');
  }
  return [ttl ?? 0, ifVersion === "none" ? -1 : (ifVersion ?? 0)];
}

/** @type {(name: string, n: unknown, min: number, kind: string, max?: number) => void} */
function wantNumber(name, n, min, kind, max = Number.MAX_SAFE_INTEGER) {
  if (n !== undefined && !(Number.isSafeInteger(n) && Number(n) >= min && Number(n) <= max)) {
    throw new ValueError(`option ${name}: want ${kind}, not ${show(n)}`);
  }
}
