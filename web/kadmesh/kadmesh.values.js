// Values of JavaScript as values of the wire, and back: see Kadmesh.set in kadmesh.d.ts.
// Between the module and the core a value is a type and bytes: see cmd/wasm/value.go.

import { ValueError } from "./kadmesh.errors.js";

/** @import { AnyValueType, Value, ValueType } from "./kadmesh.js" */

const toBytes = new TextEncoder();
const toText = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * The types as which a value can be set. The first is the default; no value of another
 * kind can be set.
 *
 * @param {unknown} value
 * @returns {ValueType[]}
 */
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

/**
 * Whether value is a Uint8Array, perhaps of another window.
 *
 * @param {unknown} value
 * @returns {value is Uint8Array}
 */
function isBytes(value) {
  return ArrayBuffer.isView(value) && /** @type {any} */ (value)[Symbol.toStringTag] === "Uint8Array";
}

/**
 * The type and the bytes that stand for a value.
 *
 * @param {unknown} value
 * @param {ValueType} [type]
 * @returns {[ValueType, Uint8Array]}
 */
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
      return [type, new Uint8Array(/** @type {Uint8Array} */ (value))];
    case "int":
      checkInt(/** @type {number | bigint} */ (value));
  }
  return [type, toBytes.encode(Object.is(value, -0) ? "-0" : String(value))];
}

/** @param {number | bigint} n */
function checkInt(n) {
  if (n < -(2n ** 63n) || n >= 2n ** 64n) {
    throw new ValueError(`int ${n}: from -2^63 to 2^64-1 can be set`);
  }
}

/**
 * The value that a type and bytes stand for. A type that cannot be set gives the bytes.
 *
 * @param {AnyValueType} type
 * @param {Uint8Array} bytes
 * @returns {Value}
 */
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

/**
 * A text. Throws unless it is a string that UTF-8 can carry.
 *
 * @param {string} what the name of the value, for errors
 * @param {unknown} text
 */
export function textOf(what, text) {
  if (typeof text !== "string") {
    throw new ValueError(`${what}: want a string, not ${nameOf(text)}`);
  }
  if (/\p{Surrogate}/u.test(text)) {
    throw new ValueError(`${what} ${JSON.stringify(text)}: half a surrogate pair is no text`);
  }
  return text;
}

/** @param {unknown} value */
function nameOf(value) {
  return value === null ? "null" : typeof value === "object" ? (value.constructor?.name ?? "object") : typeof value;
}
