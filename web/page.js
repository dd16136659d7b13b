// Wires the page: a node of the module on one side, pictures and panels on the
// other, a stream of events between them.

import { aloneWords } from "./page/panels/emptystate.js";
import { columns } from "./page/ui/columns.js";
import { explainStart, missing } from "./page/text/errors.js";
import { eventLog } from "./page/panels/events.js";
import { bytes } from "./page/text/format.js";
import { identity } from "./page/panels/identity.js";
import { shortID } from "./page/model/ids.js";
import { joinPanel } from "./page/panels/join.js";
import { joinedBefore, keyOfLink, rememberJoined, tokenBefore, tokenOfLink } from "./page/model/link.js";
import { lookups } from "./page/panels/lookup.js";
import { modeBefore, rememberMode } from "./page/model/modes.js";
import { pathsPanel } from "./page/panels/paths.js";
import { records } from "./page/panels/records.js";
import { connect } from "./page/model/connect.js";
import { space } from "./page/panels/tableview.js";
import { Stream } from "./page/model/stream.js";
import { strip } from "./page/panels/status.js";
import { otherTabs } from "./page/model/othertabs.js";
import { traffic } from "./page/panels/traffic.js";
import { values } from "./page/panels/values.js";

/** How much is kept for others, in bytes; the page says so before joining. */
const storeBytes = 16_000_000;
/** Nodes that hold a value: the module's default. */
const k = 20;

const part = (id) => document.getElementById(id);
const stream = new Stream();
columns(part("instrument"));

let node = null;
let disconnect = null;
let starting = null; // AbortController
let wantedKey = keyOfLink(location.hash);
let mode = modeBefore(); // of direct paths

const panel = values(part("values"), {
  get: (key, options) => named(key, (id) => find(key, id, options)),
  set: (key, value, options) => named(key, (id) => set(key, id, value, options)),
});
strip(part("strip"), stream);
identity(part("node-panel"), stream);
traffic(part("traffic"), stream);
const paths = pathsPanel(part("paths"), stream, restart);
space(part("space"), stream, aloneWords(stream, location.pathname));
lookups(part("lookup"), stream);
records(part("records"), stream);
eventLog(part("events"), stream);
const join = joinPanel(part("join"), stream, { join: () => start(false), cancel: () => starting?.abort(), choose });
const tabs = otherTabs((others) => stream.emit("tabs", { others }));

/** Runs an operation, having told which key its name stands for. */
async function named(key, operation) {
  const id = await node.keyOf(key);
  stream.emit("named", { key: id, name: key });
  return operation(id);
}

async function find(key, id, options) {
  const found = await node.find(key, options);
  stream.emit("found", { key: id, holder: found.holder });
  return found;
}

async function set(key, id, value, options) {
  const result = await node.set(key, value, options);
  stream.emit("kept", { key: id, nodes: result.nodes });
  return result;
}

async function start(atOnce) {
  starting = new AbortController();
  const { signal } = starting;
  join.begin(atOnce);
  const wanted = mode;
  try {
    const { Kadmesh } = await load();
    const token = join.token;
    const started = await Kadmesh.start({
      storeBytes,
      token,
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

/** The module, which is loaded when it is wanted: to look at the page does without. */
async function load() {
  try {
    return await import("./kadmesh.js");
  } catch (cause) {
    throw Object.assign(new Error("load kadmesh.js", { cause }), { code: "load" });
  }
}

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

/** Chooses which direct paths there may be, from the next start on. */
function choose(chosen) {
  mode = chosen;
  rememberMode(mode);
  join.mode = mode;
}

/** Chooses it for a node that runs: it starts again, with the same id. */
async function restart(chosen) {
  choose(chosen);
  const leaving = node;
  gone();
  await leaving?.stop().catch(() => {});
  await start(false);
  if (node) {
    paths.focus();
  }
}

async function leave() {
  const leaving = node;
  rememberJoined(false);
  part("leave").disabled = true;
  await leaving?.stop().catch(() => {});
  part("leave").disabled = false;
  away(
    "You have left the network.",
    "What this tab kept for others stays with their other holders. A share link will ask before it joins again.",
    "note",
  );
}

/** The node has ended by itself: what it was stays on the screen. */
function ended({ reason }) {
  if (reason) {
    part("leave").textContent = "Close this node";
  }
}

function away(words, advice, level) {
  gone();
  panel.clear();
  wantedKey = null;
  join.invite(null);
  join.end(words, advice, level);
  part("join-button").focus();
}

/** There is no node any more. */
function gone() {
  disconnect?.();
  disconnect = null;
  node = null;
  tabs.leave();
  part("leave").textContent = "Leave";
  document.title = "Kadmesh";
  showNode(false);
}

function showNode(there) {
  part("join").hidden = there;
  part("instrument").hidden = !there;
  part("strip").hidden = !there;
  document.body.classList.toggle("joined", there);
}

/** Gets the key of a share link, once there is a node to do it. */
function getWanted() {
  if (wantedKey !== null && node) {
    panel.get(wantedKey);
    wantedKey = null;
  }
}

part("leave").addEventListener("click", leave);
addEventListener("hashchange", () => {
  wantedKey = keyOfLink(location.hash);
  join.invite(wantedKey);
  join.token = tokenOfLink(location.hash) || join.token;
  getWanted();
});
for (const type of ["online", "offline"]) {
  addEventListener(type, () => stream.emit("network", { online: navigator.onLine }));
}
document.addEventListener("visibilitychange", () =>
  stream.emit("visible", { at: performance.now(), visible: !document.hidden }),
);

part("relay-name").textContent = location.host;
part("store-limit").textContent = bytes(storeBytes);
join.invite(wantedKey);
join.mode = mode;
join.token = tokenOfLink(location.hash) || tokenBefore();
stream.emit("network", { online: navigator.onLine });
const lacking = missing();
if (lacking) {
  fail({ code: "unsupported", message: lacking });
} else if (wantedKey !== null && joinedBefore() && navigator.onLine) {
  start(true);
}
