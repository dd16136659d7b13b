// Values as {t: type, v: value}, the form in which they go between this process,
// tabs and Python: str as text, bytes as hex, int as decimal digits, float as a
// number, bool as it is. test/python/tagged.py has the same, with floats as text.

/** What Python is sent. */
export function toPython({ t, v }) {
  return { t, v: t === "float" ? floatHex(v) : v };
}

/** What Python has sent. */
export function fromPython({ t, v }) {
  return { t, v: t === "float" ? hexFloat(v) : v };
}

/** As Python's float.hex() writes it. */
export function floatHex(f) {
  if (!Number.isFinite(f)) {
    return Number.isNaN(f) ? "nan" : f > 0 ? "inf" : "-inf";
  }
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, f);
  const bits = view.getBigUint64(0);
  const exponent = Number((bits >> 52n) & 0x7ffn);
  const fraction = (bits & (2n ** 52n - 1n)).toString(16).padStart(13, "0");
  return `${bits >> 63n ? "-" : ""}0x${exponent ? 1 : 0}.${fraction}p${exponent ? exponent - 1023 : -1022}`;
}

/** What floatHex has written, or Python. */
export function hexFloat(text) {
  const special = { nan: NaN, inf: Infinity, "-inf": -Infinity };
  if (text in special) {
    return special[text];
  }
  const [, sign, whole, fraction = "", exponent] = /^(-?)0x([01])(?:\.([\da-f]+))?p([+-]\d+|\d+)$/.exec(text);
  const bits =
    whole === "0" && !Number(`0x0${fraction}`) ? 0n : BigInt(Number(exponent) + (whole === "1" ? 1023 : 1022));
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, (BigInt(sign ? 1 : 0) << 63n) | (bits << 52n) | BigInt(`0x${fraction.padEnd(13, "0")}`));
  return view.getFloat64(0);
}

const str = (v) => ({ t: "str", v });
const bytes = (v) => ({ t: "bytes", v: Buffer.from(v).toString("hex") });
const int = (v) => ({ t: "int", v: String(v) });
const float = (v) => ({ t: "float", v });

/** All that can be set, at its boundaries, by name. */
export const values = {
  "str empty": str(""),
  "str unicode": str("naïve Καλημέρα 🌍 e\u0301 \ufeff \u0000 end"),
  "str BOM": str("\ufeffbom"),
  "str number": str("42"),
  "bytes empty": bytes([]),
  "bytes all": bytes(Array.from({ length: 256 }, (_, i) => i)),
  "bytes text": bytes(Buffer.from("text")),
  true: { t: "bool", v: true },
  false: { t: "bool", v: false },
};
for (const n of [1, 31, 32, 255, 256, 8137]) {
  values[`str of ${n}`] = str("s".repeat(n));
  values[`bytes of ${n}`] = bytes(Buffer.alloc(n, 0xb5));
}
for (const n of [
  0n,
  1n,
  -1n,
  -32n,
  -33n,
  127n,
  128n,
  -128n,
  -129n,
  255n,
  256n,
  65535n,
  65536n,
  -32768n,
  -32769n,
  2n ** 31n,
  -(2n ** 31n),
  -(2n ** 31n) - 1n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 53n + 1n,
  -(2n ** 53n) - 1n,
  2n ** 63n - 1n,
  -(2n ** 63n),
  2n ** 63n,
  2n ** 64n - 1n,
]) {
  values[`int ${n}`] = int(n);
}
for (const f of [
  0,
  -0,
  1,
  -1,
  3,
  2 ** 53,
  1e21,
  0.1,
  -1.5,
  Math.PI,
  NaN,
  Infinity,
  -Infinity,
  Number.MAX_VALUE,
  Number.MIN_VALUE,
  2.2250738585072014e-308,
]) {
  values[`float ${floatHex(f)}`] = float(f);
}
