// Wires the page: a node of the module on one side, panels on the other, and a stream
// of events between them.

import { connect } from "./page/model/connect.js";
import { shortID } from "./page/model/ids.js";
import { joinedBefore, keyOfLink, rememberJoined, tokenBefore, tokenOfLink } from "./page/model/link.js";
import { modeBefore, rememberMode } from "./page/model/modes.js";
import { OtherTabs } from "./page/model/othertabs.js";
import { Stream } from "./page/model/stream.js";
import { EmptyState } from "./page/panels/emptystate.js";
import { EventsPanel } from "./page/panels/events.js";
import { IdentityPanel } from "./page/panels/identity.js";
import { JoinPanel } from "./page/panels/join.js";
import { LookupPanel } from "./page/panels/lookup.js";
import { PathsPanel } from "./page/panels/paths.js";
import { RecordsPanel } from "./page/panels/records.js";
import { Status } from "./page/panels/status.js";
import { TablePanel } from "./page/panels/tableview.js";
import { TrafficPanel } from "./page/panels/traffic.js";
import { ValuesPanel } from "./page/panels/values.js";
import { explainStart, missing } from "./page/text/errors.js";
import { bytes } from "./page/text/format.js";
import { arrangeInColumns } from "./page/ui/columns.js";

/** @import { DirectMode, Kadmesh, OperationOptions, SetOptions, Value } from "./kadmesh.js" */

/** How much is kept for others, in bytes. The page says so before joining. */
const storeBytes = 16_000_000;
/** How many nodes hold a value: the module's default. */
const k = 20;
/** The name of the network, which the server of the page writes into it. */
const network = document.querySelector('meta[name="kadmesh-network"]')?.getAttribute("content") ?? "";

/** @type {<T extends HTMLElement>(id: string) => T} */
const part = (id) => /** @type {any} */ (document.getElementById(id));
const stream = new Stream();
arrangeInColumns(part("instrument"));

/** @type {Kadmesh | null} */
let node = null;
/** @type {(() => void) | null} */
let disconnect = null;
/** @type {AbortController | null} */
let starting = null;
let wantedKey = keyOfLink(location.hash);
let mode = modeBefore(); // of direct paths

const values = new ValuesPanel(part("values"), {
  get: (key, options) => withName(key, (running, id) => find(running, key, id, options)),
  set: (key, value, options) => withName(key, (running, id) => set(running, key, id, value, options)),
});
new Status(part("status"), stream);
new IdentityPanel(part("node-panel"), stream);
new TrafficPanel(part("traffic"), stream);
const paths = new PathsPanel(part("paths"), stream, restart);
new TablePanel(part("table"), stream, new EmptyState(stream, location.pathname).element);
new LookupPanel(part("lookup"), stream);
new RecordsPanel(part("records"), stream);
new EventsPanel(part("events"), stream);
const join = new JoinPanel(part("join"), stream, {
  join: () => start(false),
  cancel: () => starting?.abort(),
  choose: chooseMode,
});
const tabs = new OtherTabs((others) => stream.emit("tabs", { others }));

/**
 * Runs an operation on a key. The panels hear first which id stands for the key.
 *
 * @template T
 * @param {string} key
 * @param {(running: Kadmesh, id: string) => Promise<T>} operation
 */
async function withName(key, operation) {
  if (!node) {
    throw Object.assign(new Error("there is no node"), { code: "stopped" });
  }
  const running = node;
  const id = await running.keyOf(key);
  stream.emit("named", { key: id, name: key });
  return operation(running, id);
}

/** @type {(running: Kadmesh, key: string, id: string, options: OperationOptions) => ReturnType<Kadmesh["find"]>} */
async function find(running, key, id, options) {
  const found = await running.find(key, options);
  stream.emit("found", { key: id, holder: found.holder });
  return found;
}

/**
 * @param {Kadmesh} running
 * @param {string} key
 * @param {string} id
 * @param {Value} value
 * @param {SetOptions} options
 */
async function set(running, key, id, value, options) {
  const result = await running.set(key, value, options);
  stream.emit("kept", { key: id, nodes: result.nodes });
  return result;
}

/** @param {boolean} atOnce without a click */
async function start(atOnce) {
  starting = new AbortController();
  const { signal } = starting;
  join.begin(atOnce);
  const wanted = mode;
  try {
    const { Kadmesh } = await loadModule();
    const token = join.token;
    const started = await Kadmesh.start({
      storeBytes,
      token,
      network,
      direct: wanted,
      signal,
      onprogress: (step) => stream.emit("step", step),
    });
    if (signal.aborted) {
      await started.stop();
      signal.throwIfAborted();
    }
    rememberJoined(true, token);
    begin(started, wanted);
  } catch (error) {
    fail(error);
  } finally {
    starting = null;
  }
}

/** Loads the module. A page that is only looked at does without. */
async function loadModule() {
  try {
    return await import("./kadmesh.js");
  } catch (cause) {
    throw Object.assign(new Error("load kadmesh.js", { cause }), { code: "load" });
  }
}

/**
 * @param {Kadmesh} started
 * @param {DirectMode} wanted
 */
function begin(started, wanted) {
  node = started;
  stream.emit("node", { id: node.id, address: node.address, storeBytes, k, direct: node.direct, wanted });
  disconnect = connect(node, stream);
  node.on("stopped", ended);
  tabs.join(node.id);
  showNode(true);
  document.title = `${shortID(node.id)}, a node of Kadmesh`;
  part("node-title").focus({ preventScroll: true });
  getWanted();
}

/** @param {any} error */
function fail(error) {
  const { words, advice } = explainStart(error, location.host);
  if (error?.code === "unsupported") {
    join.unsupported(words, advice);
    return;
  }
  join.end(words, advice, error?.name === "AbortError" ? "note" : "bad");
  if (error?.relayCode === "token") {
    join.askForToken();
  }
}

/**
 * Chooses the mode of direct paths from the next start on.
 *
 * @param {DirectMode} chosen
 */
function chooseMode(chosen) {
  mode = chosen;
  rememberMode(mode);
  join.showMode(mode);
}

/**
 * Starts the node again in another mode, with the same id.
 *
 * @param {DirectMode} chosen
 */
async function restart(chosen) {
  chooseMode(chosen);
  const leaving = node;
  forgetNode();
  await leaving?.stop().catch(() => {});
  await start(false);
  if (node) {
    paths.focus();
  }
}

async function leave() {
  const leaving = node;
  const button = /** @type {HTMLButtonElement} */ (part("leave"));
  rememberJoined(false);
  button.disabled = true;
  await leaving?.stop().catch(() => {});
  button.disabled = false;
  forgetNode();
  values.clear();
  wantedKey = null;
  join.invite(null);
  join.end(
    "You have left the network.",
    "What this tab kept for others stays with their other holders. A share link will ask before it joins again.",
    "note",
  );
  part("join-button").focus();
}

/**
 * Follows the end of the node. After an end by itself, its figures stay on the screen.
 *
 * @param {{ reason: string }} event
 */
function ended({ reason }) {
  if (reason) {
    part("leave").textContent = "Close this node";
  }
}

function forgetNode() {
  disconnect?.();
  disconnect = null;
  node = null;
  tabs.leave();
  part("leave").textContent = "Leave";
  document.title = "Kadmesh";
  showNode(false);
}

/** @param {boolean} there */
function showNode(there) {
  part("join").hidden = there;
  part("instrument").hidden = !there;
  part("status").hidden = !there;
  document.body.classList.toggle("joined", there);
}

/** Gets the key of a share link, once there is a node. */
function getWanted() {
  if (wantedKey !== null && node) {
    values.get(wantedKey);
    wantedKey = null;
  }
}

function tellNetwork() {
  stream.emit("network", { online: navigator.onLine });
}

part("leave").addEventListener("click", leave);
addEventListener("hashchange", () => {
  wantedKey = keyOfLink(location.hash);
  join.invite(wantedKey);
  join.token = tokenOfLink(location.hash) || join.token;
  getWanted();
});
addEventListener("online", tellNetwork);
addEventListener("offline", tellNetwork);
document.addEventListener("visibilitychange", () => {
  stream.emit("visible", { at: performance.now(), visible: !document.hidden });
});

part("relay-name").textContent = location.host;
part("store-limit").textContent = bytes(storeBytes);
join.invite(wantedKey);
join.showMode(mode);
join.token = tokenOfLink(location.hash) || tokenBefore();
tellNetwork();
const lacking = missing();
if (lacking) {
  fail({ code: "unsupported", message: lacking });
} else if (wantedKey !== null && joinedBefore() && navigator.onLine) {
  start(true);
}
