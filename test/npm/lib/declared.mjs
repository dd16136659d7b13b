// What kadmesh.d.ts declares, by name.

import { readFile } from "node:fs/promises";
import { root } from "./network.mjs";

const source = (await readFile(`${root}web/kadmesh/kadmesh.d.ts`, "utf8")).replace(/\/\*\*.*?\*\//gs, "");

/** The exported classes. */
export const classes = [...source.matchAll(/^export class (\w+)/gm)].map(([, name]) => name);

/** The members of an interface or a class, sorted, with the members of its base. */
export function members(name) {
  const [, base, body] = new RegExp(
    `^export (?:interface|class) ${name}(?: extends (\\w+))? \\{\\n(.*?)^\\}`,
    "ms",
  ).exec(source);
  const own = membersOf(body);
  return (base && base !== "Error" ? [...members(base), ...own] : own).sort();
}

/** The members of an event. */
export function membersOfEvent(event) {
  const [, body, base] = new RegExp(`^  ${event}: (?:\\{(.*?)\\}(?: & (\\w+))?|(\\w+));$`, "ms").exec(source) ?? [];
  return body === undefined ? members("RelayState") : [...membersOf(body), ...(base ? members(base) : [])].sort();
}

function membersOf(body) {
  const flat = body.replace(/\{[^{}]*\}/g, "object");
  const names = flat.split(";").map((line) => /^\s*(?:readonly |static |private )*(\w+)\??\s*[:(<]/.exec(line)?.[1]);
  return [...new Set(names.filter((name) => name))];
}
