// Events of the node in words: a line for each.

import { shortID } from "../model/ids.js";
import { bytes, millis, plural } from "./format.js";

/** @import { Events } from "../../kadmesh/kadmesh.js" */

/**
 * The event of the relay connection, or the end of the node.
 *
 * @typedef {Partial<Omit<Events["relay"], "state">> & { state: string, url: string }} RelayEvent
 */

/**
 * The types of events with a line in the log, in the order of their buttons.
 *
 * @typedef {"request" | "served" | "lookup" | "contact" | "path" | "record" | "relay"} LoggedType
 * @type {LoggedType[]}
 */
export const loggedTypes = ["request", "served", "lookup", "contact", "path", "record", "relay"];

/**
 * An event in words.
 *
 * @param {LoggedType} type
 * @param {any} event
 */
export function eventWords(type, event) {
  return describe[type](event);
}

/** @type {Record<LoggedType, (event: any) => string>} */
const describe = { request, served, lookup, contact, path, record, relay };

/** @param {Events["request"]} event */
function request({ method, to, stage, rtt }) {
  const peer = to.id.startsWith("00000000") ? to.address : shortID(to.id);
  return `${method} ${peer} ${stage}${stage === "replied" ? ` ${millis(rtt)}` : ""}`;
}

/** @param {Events["served"]} event */
function served({ method, from, id }) {
  return `${method} for ${id ? shortID(id) : from}`;
}

/** @param {Events["lookup"]} event */
function lookup({ purpose, target, stage, found, hops, requests }) {
  const begin = `${purpose} ${shortID(target)} ${stage}`;
  if (stage !== "done") {
    return begin;
  }
  const outcome = found ? "found, " : "not found, ";
  return `${begin}: ${purpose === "get" ? outcome : ""}${plural(hops, "hop")}, ${plural(requests, "request")}`;
}

/** @param {Events["contact"]} event */
function contact({ id, address, change }) {
  return `${shortID(id)} at ${address} ${change}`;
}

/** @param {Events["path"]} event */
function path({ id, address, path, reason, rtt }) {
  const way = path === "direct" ? `direct ${millis(rtt)}` : `by the relay: ${reason}`;
  return `${shortID(id)} at ${address} ${way}`;
}

/** @param {Events["record"]} event */
function record({ key, change, bytes: n }) {
  return `${shortID(key)} ${change}, ${bytes(n)}`;
}

/** @param {RelayEvent} event */
function relay({ state, url, address, reason, retryIn }) {
  const where = address ? `, ${address}` : "";
  const why = reason ? `: ${reason}` : "";
  const next = retryIn ? `, next try in ${millis(retryIn)}` : "";
  return `${state} ${url}${where}${why}${next}`;
}
