// Before there is a node: what will happen, one button, and how it goes on, with
// its real figures.

import { el, setAttr, setText, show } from "../ui/dom.js";
import { bytes, millis, plural } from "../text/format.js";
import { modeChoice, modes, seen } from "../model/modes.js";
import { hostOf } from "../model/state.js";
import { tame } from "../text/valueinput.js";

/** After how long without progress a word about it appears, in milliseconds. */
const slowAfter = 8000;

const slowWords = {
  core: "The core is still loading. The connection may be slow; it is loaded once, then kept.",
  relay: "The relay has not answered yet. It may be down, or something between may block WebSockets.",
  peer: "No node has answered yet. The node goes on asking.",
};

/**
 * Brings host, which holds the parts of the page named by data-part, to life.
 * actions has join(), cancel() and choose(mode). Returns what the page tells it.
 */
export function joinPanel(host, stream, actions) {
  return new JoinPanel(host, stream, actions);
}

class JoinPanel {
  constructor(host, stream, actions) {
    this.host = host;
    this.part = Object.fromEntries([...host.querySelectorAll("[data-part]")].map((e) => [e.dataset.part, e]));
    this.rows = Object.fromEntries([...host.querySelectorAll("[data-step]")].map((e) => [e.dataset.step, row(e)]));
    this.last = 0;
    this.timer = 0;
    this.joining = false;
    this.part.join.addEventListener("click", () => {
      if (this.joining) {
        actions.cancel();
      } else {
        actions.join();
      }
    });
    this.part.token.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !this.joining) {
        actions.join();
      }
    });
    this.choice = modeChoice(this.part.modes, "Paths to other nodes", actions.choose);
    stream.on("step", (step) => this.step(step));
    stream.on("network", ({ online }) => this.online(online));
  }

  /** What the button does, and a word about why one might want it, before anything. */
  invite(key) {
    this.label = key === null ? "Join the network" : "Join and get the key";
    setText(this.part.join, this.label);
    show(this.part.shared, key !== null);
    setText(this.part.key, key === null ? "" : `“${tame(key)}”`);
  }

  /** The token to join with, as a person or a link gave it. */
  get token() {
    return this.part.token.value.trim();
  }

  set token(token) {
    this.part.token.value = token;
  }

  /** How others are to be reached, and what they see then. */
  set mode(mode) {
    this.choice.set(mode);
    setText(this.part.modeName, modes[mode].name);
    setText(this.part.seen, seen[mode]);
  }

  /** The relay wants a token, or another one. */
  askForToken() {
    show(this.part.tokenField, true);
    this.part.token.focus();
  }

  /** Starting begins; atOnce if nobody clicked for it. */
  begin(atOnce) {
    for (const r of Object.values(this.rows)) {
      r.set("todo", "", "");
    }
    setText(this.part.lent, "");
    this.last = 0;
    this.joining = true;
    this.tell("", "");
    show(this.part.atOnce, atOnce);
    setText(this.part.join, "Cancel");
    this.part.join.classList.remove("main");
    setAttr(this.host, "data-phase", "joining");
    setAttr(this.host, "data-lit", "0");
    this.now("core");
    setText(this.part.spoken, "Joining.");
  }

  step(step) {
    const took = millis(Math.max(0, step.ms - this.last));
    switch (step.step) {
      case "loading":
        this.rows.core.set("now", step.bytes ? bytes(step.bytes) : "loading", "");
        this.slow("core");
        return;
      case "running":
        this.rows.core.set("done", bytes(step.bytes), took);
        this.now("relay");
        setAttr(this.host, "data-lit", "1");
        break;
      case "relay":
        this.rows.relay.set("done", hostOf(step.url), took);
        this.rows.address.set("done", step.address, "");
        setText(this.part.lent, `lends ${step.address}`);
        this.now("peer");
        setAttr(this.host, "data-lit", "2");
        break;
      case "joining":
        this.rows.peer.set(
          "now",
          step.seeds.length ? `asking ${plural(step.seeds.length, "known node")}` : "none to ask: this is the first",
          "",
        );
        setAttr(this.host, "data-lit", "3");
        break;
      case "joined":
        this.rows.peer.set("done", step.contacts ? "answered" : "this node is the first", "");
        this.rows.table.set("done", plural(step.contacts, "contact"), took);
        setAttr(this.host, "data-lit", "4");
        clearTimeout(this.timer);
        break;
    }
    this.last = step.ms;
  }

  /** Marks a step as the one under way. */
  now(name) {
    this.rows[name].set("now", "", "");
    this.slow(name);
  }

  slow(name) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.tell("", slowWords[name] ?? ""), slowAfter);
  }

  /** There is no node any more, or there never was: words and advice say why. */
  end(words, advice, level = "bad") {
    this.joining = false;
    clearTimeout(this.timer);
    show(this.part.atOnce, false);
    setText(this.part.join, level === "bad" ? "Try again" : this.label);
    this.part.join.classList.add("main");
    setAttr(this.host, "data-phase", level === "bad" ? "failed" : "away");
    setAttr(this.host, "data-lit", "0");
    for (const r of Object.values(this.rows)) {
      r.stop();
    }
    this.tell(words, advice, level);
    setText(this.part.spoken, `${words} ${advice}`);
  }

  /** This browser cannot run a node: there is nothing to click. */
  unsupported(words, advice) {
    this.end(words, advice);
    show(this.part.join, false);
    setAttr(this.host, "data-phase", "unsupported");
  }

  online(online) {
    setAttr(this.host, "data-online", online);
    this.part.join.disabled = !online && !this.joining;
    if (!this.joining) {
      this.tell(
        online ? "" : "This device is offline.",
        online ? "" : "Joining needs the network. The button works again as soon as there is one.",
        "warn",
      );
    }
  }

  tell(words, advice, level = "note") {
    setAttr(this.part.word, "data-level", level);
    setText(this.part.words, words);
    setText(this.part.advice, advice);
  }
}

/** One of the steps, with a figure and how long it took. */
function row(element) {
  const figure = el("span", { class: "step-figure" });
  const took = el("span", { class: "step-took" });
  element.append(figure, took);
  return {
    set(state, words, time) {
      setAttr(element, "data-state", state);
      setText(figure, words);
      setText(took, time);
    },
    stop() {
      if (element.dataset.state === "now") {
        setAttr(element, "data-state", "stopped");
      }
    },
  };
}
