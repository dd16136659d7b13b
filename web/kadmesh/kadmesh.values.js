// Between JavaScript's values and the wire's: see Kadmesh.set in kadmesh.d.ts. The
// core is given, and gives, a type and bytes: see cmd/wasm/value.go.

import { ValueError } from "./kadmesh.errors.js";

const toBytes = new TextEncoder();
const toText = new TextDecoder("utf-8", { ignoreBOM: true });

/** Which types a JavaScript value can be set as; the first is the default. */
function typesOf(value) {
  switch (typeof value) {
    case "string":
      return ["str"];
    case "boolean":
      return ["bool"];
    case "bigint":
      return ["int"];
    case "number":
      if (Number.isInteger(value) && !Object.is(value, -0)) {
        return Number.isSafeInteger(value) ? ["int", "float"] : ["float"];
      }
      return ["float"];
  }
  return isBytes(value) ? ["bytes"] : [];
}

/** Whether value is a Uint8Array, perhaps one of another window. */
function isBytes(value) {
  return ArrayBuffer.isView(value) && value[Symbol.toStringTag] === "Uint8Array";
}

/** The type and the bytes that stand for value. */
export function encode(value, type) {
  const types = typesOf(value);
  if (!types.length) {
    throw new ValueError(
      `a value of type ${nameOf(value)} cannot be set: strings, numbers, bigints, booleans and Uint8Arrays can`,
    );
  }
  type ??= types[0];
  if (!types.includes(type)) {
    throw new ValueError(`a ${nameOf(value)} cannot be set as ${JSON.stringify(type)}, but as ${types.join(" or ")}`);
  }
  switch (type) {
    case "str":
      return [type, toBytes.encode(textOf("value", value))];
    case "bytes":
      return [type, new Uint8Array(value)];
    case "int":
      if (value < -(2n ** 63n) || value >= 2n ** 64n) {
        throw new ValueError(`int ${value}: from -2^63 to 2^64-1 can be set`);
      }
  }
  return [type, toBytes.encode(Object.is(value, -0) ? "-0" : String(value))];
}

/** The value that a type and bytes stand for; of other types, the bytes. */
export function decode(type, bytes) {
  switch (type) {
    case "str":
      return toText.decode(bytes);
    case "int": {
      const n = BigInt(toText.decode(bytes));
      return Number.isSafeInteger(Number(n)) ? Number(n) : n;
    }
    case "float":
      return Number(toText.decode(bytes).replace("Inf", "Infinity"));
    case "bool":
      return toText.decode(bytes) === "true";
  }
  return bytes.slice();
}

/** Text, if it is some that UTF-8 can carry. */
export function textOf(what, text) {
  if (typeof text !== "string") {
    throw new ValueError(`${what}: want a string, not ${nameOf(text)}`);
  }
  if (/\p{Surrogate}/u.test(text)) {
    throw new ValueError(`${what} ${JSON.stringify(text)}: half a surrogate pair is no text`);
  }
  return text;
}

function nameOf(value) {
  return value === null ? "null" : typeof value === "object" ? (value.constructor?.name ?? "object") : typeof value;
}
