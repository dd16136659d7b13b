// A browser of Debian, or whichever is there, and tabs in it that are nodes.

import { chromium } from "playwright-core";
import { chromiumPath } from "./chromium.js";
import { atEnd } from "./network.js";
import { patience } from "./processes.js";

const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/**
 * Addresses as they are, for direct paths: without this, browsers announce names by
 * multicast, and tests shall stay on this machine.
 */
export const plainAddresses = ["--disable-features=WebRtcHideLocalIpsWithMdns"];

/** The browser, with a profile that goes with it. */
export async function startBrowser(more = []) {
  const browser = await chromium.launch({
    executablePath: chromiumPath(),
    headless: true,
    args: [...flags, ...more],
    timeout: patience,
  });
  atEnd(() => browser.close());
  return browser;
}

/** A profile of its own, as a person of its own has it. */
export async function newContext(browser, options) {
  const context = await browser.newContext({ reducedMotion: "reduce", ...options });
  context.setDefaultTimeout(patience);
  return context;
}

/**
 * A tab on the relay's page, in which a node is to be started by code. The page's
 * own node stays away.
 */
export async function openTab(context, relay, options) {
  const page = await context.newPage();
  const tab = new Tab(page, relay);
  await tab.load();
  return options === null ? tab : tab.start(options);
}

export class Tab {
  constructor(page, relay) {
    this.page = page;
    this.url = relay.url;
    this.errors = [];
    page.on("pageerror", (error) => this.errors.push(String(error.stack ?? error)));
    page.on("crash", () => this.errors.push("the tab has crashed"));
    page.on("console", (message) => message.type() === "error" && this.errors.push(message.text()));
  }

  async load() {
    await this.page.goto(this.url);
    await this.page.evaluate(install, this.url);
    return this;
  }

  /** Loads the page again: the node is gone. */
  async reload(options) {
    await this.page.reload();
    await this.page.evaluate(install, this.url);
    return options === null ? this : this.start(options);
  }

  /** Starts a node with the options of Kadmesh.start. */
  async start(options = {}) {
    Object.assign(this, await this.page.evaluate((options) => inTab.start(options), options));
    return this;
  }

  async stop() {
    await this.page.evaluate(() => node.stop());
  }

  close() {
    return this.page.close();
  }

  /** Runs code in the page, which has the names node, module and inTab. */
  run(f, argument) {
    return this.page.evaluate(f, argument);
  }

  /** Sets a tagged value: on how many nodes it is. */
  async set(key, value) {
    return this.page.evaluate(([key, value]) => inTab.set(key, value), [key, value]);
  }

  /** Gets a tagged value. */
  async get(key) {
    return this.page.evaluate((key) => inTab.get(key), key);
  }

  /** The id of the node at an address. */
  async ping(address) {
    return this.page.evaluate(async (address) => (await node.ping(address)).id, address);
  }

  /** What an operation rejects with: name, code and message; null if it does not. */
  rejection(f, argument) {
    return this.page.evaluate(`inTab.rejection(${f}, ${JSON.stringify(argument)})`);
  }
}

/** Defines the names that Tab uses in a page. */
async function install(url) {
  const module = await import(new URL("/kadmesh.js", url));
  const hex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
  const unhex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
  globalThis.module = module;
  globalThis.inTab = {
    steps: [],
    relays: [], // the states of the relay connection
    async start(options) {
      const began = performance.now();
      inTab.steps = [];
      inTab.relays = [];
      globalThis.node = await module.Kadmesh.start({ ...options, onprogress: (step) => inTab.steps.push(step) });
      node.on("relay", (state) => inTab.relays.push(state));
      return { id: node.id, address: node.address, steps: inTab.steps, took: performance.now() - began };
    },
    async set(key, { t, v }) {
      const value = { str: () => v, bytes: () => unhex(v), int: () => BigInt(v), float: () => v, bool: () => v }[t]();
      const wants = t === "float" ? { type: "float" } : {};
      return (await node.set(key, value, wants)).nodes;
    },
    async get(key) {
      const { type: t, value } = await node.find(key);
      const plain = await node.get(key).catch((error) => error);
      const tagged = (value) => ({
        t,
        v: value instanceof Uint8Array ? hex(value) : t === "int" ? String(value) : value,
      });
      if (
        hex(new TextEncoder().encode(String(plain))) !== hex(new TextEncoder().encode(String(value))) ||
        typeof plain !== typeof value
      ) {
        return { t: "differs", find: String(value), get: String(plain) };
      }
      // Only integers that a number holds exactly are numbers.
      if (t === "int" && (typeof value === "number") !== Number.isSafeInteger(Number(value))) {
        return { t: "wrong type", v: typeof value };
      }
      return tagged(value);
    },
    async rejection(f, argument) {
      try {
        await f(argument);
      } catch (error) {
        const kind = Object.keys(module).find((name) => error.constructor === module[name]) ?? error.constructor.name;
        return { kind, name: error.name, code: error.code, relayCode: error.relayCode, message: error.message };
      }
      return null;
    },
  };
}
