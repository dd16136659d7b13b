// The page before there is a node: the consequences of joining, one button, and then
// the steps of joining with their figures.

import { modes, seen } from "../model/modes.js";
import { hostOf } from "../model/state.js";
import { bytes, millis, plural } from "../text/format.js";
import { tame } from "../text/valueinput.js";
import { el, setAttr, setText, show } from "../ui/dom.js";
import { ModeChoice } from "./modechoice.js";

/** @import { DirectMode, StartStep } from "../../kadmesh/kadmesh.js" */
/** @import { Stream } from "../model/stream.js" */

/**
 * The actions of the person.
 *
 * @typedef {{ join: () => void, cancel: () => void, choose: (mode: DirectMode) => void }} Actions
 */

/** How long a step may take before the page explains it, in milliseconds. */
const slowAfter = 8000;

/**
 * The explanation of a slow step, by its name in index.html (data-step).
 *
 * @type {Record<"core" | "relay" | "peer", string>}
 */
const slowWords = {
  core: "The core is still loading. The connection may be slow; it is loaded once, then kept.",
  relay: "The relay has not answered yet. It may be down, or something between may block WebSockets.",
  peer: "No node has answered yet. The node goes on asking.",
};

/** The section of index.html with the button to join. Its parts have names (data-part). */
export class JoinPanel {
  #host;
  #actions;
  #button;
  #token;
  #choice;
  #steps;
  #joining = false;
  #label = "Join the network";
  #last = 0; // the time of the last step, in milliseconds since the start
  #timer = 0;

  /**
   * @param {HTMLElement} host
   * @param {Stream} stream
   * @param {Actions} actions
   */
  constructor(host, stream, actions) {
    this.#host = host;
    this.#actions = actions;
    this.#button = /** @type {HTMLButtonElement} */ (this.#part("join"));
    this.#token = /** @type {HTMLInputElement} */ (this.#part("token"));
    this.#steps = {
      core: new StepRow(host, "core"),
      relay: new StepRow(host, "relay"),
      address: new StepRow(host, "address"),
      peer: new StepRow(host, "peer"),
      table: new StepRow(host, "table"),
    };
    this.#button.addEventListener("click", () => this.#click());
    this.#token.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !this.#joining) {
        actions.join();
      }
    });
    this.#choice = new ModeChoice("Paths to other nodes", actions.choose);
    this.#part("modes").append(this.#choice.element);
    stream.on("step", (step) => this.#onStep(step));
    stream.on("network", ({ online }) => this.#setOnline(online));
  }

  /**
   * Offers to join and, with the key of a share link, to get that key.
   *
   * @param {string | null} key
   */
  invite(key) {
    this.#label = key === null ? "Join the network" : "Join and get the key";
    setText(this.#button, this.#label);
    show(this.#part("shared"), key !== null);
    setText(this.#part("key"), key === null ? "" : `“${tame(key)}”`);
  }

  /** The token to join with, from a person or a link. */
  get token() {
    return this.#token.value.trim();
  }

  set token(token) {
    this.#token.value = token;
  }

  /**
   * Shows a mode of direct paths, and its consequence for others.
   *
   * @param {DirectMode} mode
   */
  showMode(mode) {
    this.#choice.set(mode);
    setText(this.#part("modeName"), modes[mode].name);
    setText(this.#part("seen"), seen[mode]);
  }

  /** Asks for a token: the relay wants one, or another one. */
  askForToken() {
    show(this.#part("tokenField"), true);
    this.#token.focus();
  }

  /**
   * Shows that joining begins.
   *
   * @param {boolean} atOnce without a click
   */
  begin(atOnce) {
    Object.values(this.#steps).forEach((step) => step.set("todo"));
    setText(this.#part("lent"), "");
    this.#last = 0;
    this.#joining = true;
    this.#tell("", "");
    show(this.#part("atOnce"), atOnce);
    setText(this.#button, "Cancel");
    this.#button.classList.remove("main");
    setAttr(this.#host, "data-phase", "joining");
    this.#light(0);
    this.#startStep("core");
    setText(this.#part("spoken"), "Joining.");
  }

  /**
   * Shows that there is no node, and why.
   *
   * @param {string} words
   * @param {string} advice
   * @param {"bad" | "note"} level
   */
  end(words, advice, level = "bad") {
    this.#joining = false;
    clearTimeout(this.#timer);
    show(this.#part("atOnce"), false);
    setText(this.#button, level === "bad" ? "Try again" : this.#label);
    this.#button.classList.add("main");
    setAttr(this.#host, "data-phase", level === "bad" ? "failed" : "away");
    this.#light(0);
    Object.values(this.#steps).forEach((step) => step.stop());
    this.#tell(words, advice, level);
    setText(this.#part("spoken"), `${words} ${advice}`);
  }

  /**
   * Shows that this browser cannot run a node: there is no button.
   *
   * @param {string} words
   * @param {string} advice
   */
  unsupported(words, advice) {
    this.end(words, advice);
    show(this.#button, false);
    setAttr(this.#host, "data-phase", "unsupported");
  }

  #click() {
    if (this.#joining) {
      this.#actions.cancel();
    } else {
      this.#actions.join();
    }
  }

  /** @param {StartStep} step */
  #onStep(step) {
    const steps = this.#steps;
    const took = millis(Math.max(0, step.ms - this.#last));
    switch (step.step) {
      case "loading":
        steps.core.set("now", step.bytes ? bytes(step.bytes) : "loading");
        this.#watch("core");
        return;
      case "running":
        steps.core.set("done", bytes(step.bytes), took);
        this.#startStep("relay");
        this.#light(1);
        break;
      case "relay":
        steps.relay.set("done", hostOf(step.url), took);
        steps.address.set("done", step.address);
        setText(this.#part("lent"), `lends ${step.address}`);
        this.#startStep("peer");
        this.#light(2);
        break;
      case "joining": {
        const seeds = `asking ${plural(step.seeds.length, "known node")}`;
        steps.peer.set("now", step.seeds.length ? seeds : "none to ask: this is the first");
        this.#light(3);
        break;
      }
      case "joined":
        steps.peer.set("done", step.contacts ? "answered" : "this node is the first");
        steps.table.set("done", plural(step.contacts, "contact"), took);
        this.#light(4);
        clearTimeout(this.#timer);
        break;
    }
    this.#last = step.ms;
  }

  /** @param {"core" | "relay" | "peer"} name */
  #startStep(name) {
    this.#steps[name].set("now");
    this.#watch(name);
  }

  /**
   * Explains a step if it takes long.
   *
   * @param {"core" | "relay" | "peer"} name
   */
  #watch(name) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#tell("", slowWords[name]), slowAfter);
  }

  /**
   * Lights the picture of the way: 0 is nothing, 4 all of it.
   *
   * @param {number} n
   */
  #light(n) {
    setAttr(this.#host, "data-lit", n);
  }

  /** @param {boolean} online */
  #setOnline(online) {
    setAttr(this.#host, "data-online", online);
    this.#button.disabled = !online && !this.#joining;
    if (this.#joining) {
      return;
    }
    if (online) {
      this.#tell("", "", "warn");
    } else {
      const advice = "Joining needs the network. The button works again as soon as there is one.";
      this.#tell("This device is offline.", advice, "warn");
    }
  }

  /**
   * @param {string} words
   * @param {string} advice
   * @param {"note" | "warn" | "bad"} level
   */
  #tell(words, advice, level = "note") {
    setAttr(this.#part("word"), "data-level", level);
    setText(this.#part("words"), words);
    setText(this.#part("advice"), advice);
  }

  /** @param {string} name as of data-part */
  #part(name) {
    return find(this.#host, `[data-part="${name}"]`);
  }
}

/** A step of joining, with a figure and the time that it took. */
class StepRow {
  #element;
  #figure = el("span", { class: "step-figure" });
  #took = el("span", { class: "step-took" });

  /**
   * @param {HTMLElement} host
   * @param {string} name as of data-step
   */
  constructor(host, name) {
    this.#element = find(host, `[data-step="${name}"]`);
    this.#element.append(this.#figure, this.#took);
  }

  /** @param {"todo" | "now" | "done"} state */
  set(state, figure = "", took = "") {
    setAttr(this.#element, "data-state", state);
    setText(this.#figure, figure);
    setText(this.#took, took);
  }

  /** Marks a step that is under way as stopped. */
  stop() {
    if (this.#element.dataset.state === "now") {
      setAttr(this.#element, "data-state", "stopped");
    }
  }
}

/** @type {(host: HTMLElement, selector: string) => HTMLElement} */
function find(host, selector) {
  const element = host.querySelector(selector);
  if (!(element instanceof HTMLElement) && !(element instanceof SVGElement)) {
    throw new Error(`index.html has no ${selector}`);
  }
  return /** @type {HTMLElement} */ (element);
}
