// Values as a person types them, and as a page shows them.

/** @import { AnyValueType, Value, ValueType } from "../../kadmesh/kadmesh.js" */
/** @typedef {{ value: Value, error?: undefined } | { value?: undefined, error: string }} Parsed */

import { msgpackText } from "./msgpack.js";

/** The longest text or byte string that a value can hold, in bytes. */
export const maxContent = 8137;

const minInt = -(2n ** 63n);
const maxInt = 2n ** 64n - 1n;

/**
 * The types that can be set, with their names in words.
 *
 * @type {[type: ValueType, words: string][]}
 */
export const settable = [
  ["str", "Text"],
  ["int", "Whole number"],
  ["float", "Decimal number"],
  ["bool", "True or false"],
  ["bytes", "Bytes"],
];

/**
 * The types in a sentence. Other programs can have stored values of any type.
 *
 * @type {Record<AnyValueType, string>}
 */
export const typeWords = {
  str: "text",
  bytes: "bytes",
  int: "a whole number",
  float: "a decimal number",
  bool: "a boolean",
  nil: "nothing (nil)",
  list: "a list",
  map: "a map",
  other: "a MessagePack extension",
};

/**
 * How to write a value of each type.
 *
 * @type {Record<ValueType, string>}
 */
export const hints = {
  str: `Any text, up to ${maxContent.toLocaleString("en")} bytes.`,
  int: "From −9,223,372,036,854,775,808 to 18,446,744,073,709,551,615, without separators.",
  float: "As in 3.25, 6e23, inf, -inf or nan.",
  bool: "Either true or false.",
  bytes: `Hexadecimal digits, as in 4b 61 64 6d; up to ${maxContent.toLocaleString("en")} bytes.`,
};

/**
 * The value that a text stands for, or an error in words.
 *
 * @param {ValueType} type
 * @param {string} text
 * @returns {Parsed}
 */
export function parseTyped(type, text) {
  return parsers[type](text);
}

/** @type {Record<ValueType, (text: string) => Parsed>} */
const parsers = {
  str(text) {
    if (/\p{Surrogate}/u.test(text)) {
      return {
        error: "This text has half of a character in it, which UTF-8 cannot carry. Remove it, or set it as bytes.",
      };
    }
    return bounded(text, utf8Length(text));
  },

  int(text) {
    const word = text.trim().replace(/^\u2212/, "-");
    if (!/^[+-]?\d+$/.test(word)) {
      return { error: word ? "Digits only, with a sign in front if need be." : "Type a whole number." };
    }
    const n = BigInt(word.replace(/^\+/, ""));
    if (n < minInt || n > maxInt) {
      return {
        error: "Out of range: the wire carries whole numbers from −2^63 to 2^64 − 1. Set a longer one as text.",
      };
    }
    const safe = n >= BigInt(Number.MIN_SAFE_INTEGER) && n <= BigInt(Number.MAX_SAFE_INTEGER);
    return { value: safe ? Number(n) : n };
  },

  float(text) {
    const word = text
      .trim()
      .toLowerCase()
      .replace(/^\u2212/, "-");
    /** @type {Record<string, number>} */
    const named = { nan: NaN, inf: Infinity, "+inf": Infinity, "-inf": -Infinity };
    if (Object.hasOwn(named, word)) {
      return { value: named[word] };
    }
    if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/.test(word)) {
      return { error: word.includes(",") ? "Use a point, not a comma." : "Type a number, as in 3.25 or 6e23." };
    }
    const value = Number(word);
    if (!Number.isFinite(value)) {
      return { error: "Too large for a number of 64 bits, which ends at about 1.8e308." };
    }
    return { value };
  },

  bool(text) {
    const word = text.trim().toLowerCase();
    if (word === "true" || word === "false") {
      return { value: word === "true" };
    }
    return { error: "Type true or false." };
  },

  bytes(text) {
    const word = text.replace(/\s+/g, "").replace(/^0x/i, "");
    if (!/^[0-9a-f]*$/i.test(word)) {
      return { error: "Hexadecimal digits only: 0 to 9 and a to f." };
    }
    if (word.length % 2) {
      return { error: "A digit is missing: each byte takes two." };
    }
    const value = new Uint8Array(word.length / 2);
    for (let i = 0; i < value.length; i++) {
      value[i] = parseInt(word.slice(2 * i, 2 * i + 2), 16);
    }
    return bounded(value, value.length);
  },
};

/** @type {(value: Value, length: number) => Parsed} */
function bounded(value, length) {
  if (length > maxContent) {
    const most = maxContent.toLocaleString("en");
    const over = (length - maxContent).toLocaleString("en");
    return {
      error: `Too long by ${over} bytes: one message carries ${most}. Split it over several keys.`,
    };
  }
  return { value };
}

/**
 * The length of a text in UTF-8, in bytes.
 *
 * @param {string} text
 */
export function utf8Length(text) {
  return new TextEncoder().encode(text).length;
}

/**
 * A value in words and digits. Lists, maps and extensions come as their encoding, which
 * is read.
 *
 * @param {AnyValueType} type
 * @param {Value | null} value
 */
export function showValue(type, value) {
  if (value === null) {
    return "";
  }
  if (type === "str") {
    return tame(String(value));
  }
  if (type === "float") {
    return showFloat(Number(value));
  }
  if (value instanceof Uint8Array) {
    return type === "bytes" ? showBytes(value) : tame(msgpackText(value));
  }
  return String(value);
}

/** @param {number} x */
function showFloat(x) {
  if (Object.is(x, -0)) {
    return "-0.0";
  }
  if (!Number.isFinite(x)) {
    return Number.isNaN(x) ? "nan" : x > 0 ? "inf" : "-inf";
  }
  const text = String(x);
  return /[.e]/.test(text) ? text : text + ".0";
}

/**
 * Bytes as hexadecimal digits, in pairs.
 *
 * @param {Uint8Array} value
 */
export function showBytes(value) {
  return Array.from(value, (b) => b.toString(16).padStart(2, "0")).join(" ");
}

/**
 * Bytes as text; null unless they are printable text.
 *
 * @param {Uint8Array} value
 */
export function bytesAsText(value) {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value);
    return text && tame(text) === text ? text : null;
  } catch {
    return null;
  }
}

/**
 * A text that cannot look like another. Control characters other than newline and tab,
 * invisible characters, and changes of the direction of writing are shown by their
 * numbers.
 *
 * @param {string} text
 */
export function tame(text) {
  return text.replace(/(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, (c, at, all) => {
    if (c === "\u200d" && joins(all, at)) {
      return c;
    }
    return `\\u{${c.codePointAt(0)?.toString(16)}}`;
  });
}

/**
 * Whether the joiner at a place makes one picture of two, as in a family of emoji.
 *
 * @param {string} text
 * @param {number} at
 */
function joins(text, at) {
  return (
    /\p{Extended_Pictographic}\ufe0f?$/u.test(text.slice(0, at)) &&
    /^\p{Extended_Pictographic}/u.test(text.slice(at + 1))
  );
}

/**
 * Whether two values are the same, by type and content.
 *
 * @param {string} typeA
 * @param {Value | null} a
 * @param {string} typeB
 * @param {Value | null} b
 */
export function sameValue(typeA, a, typeB, b) {
  if (typeA !== typeB) {
    return false;
  }
  if (a instanceof Uint8Array && b instanceof Uint8Array) {
    return a.length === b.length && a.every((x, i) => x === b[i]);
  }
  return Object.is(a, b) || (typeof a !== typeof b && String(a) === String(b));
}
