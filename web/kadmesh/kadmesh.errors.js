// The errors of the module: see kadmesh.d.ts.

/** @import { ErrorCode, RelayCode } from "./kadmesh.js" */

export class KadmeshError extends Error {
  /**
   * @param {string} message
   * @param {ErrorCode} code
   */
  constructor(message, code = "failed") {
    super(message);
    this.code = code;
    this.name = new.target.name;
  }
}

export class NotFoundError extends KadmeshError {
  /** @param {string} message */
  constructor(message) {
    super(message, "not-found");
  }
}

export class NoAnswerError extends KadmeshError {
  /** @param {string} message */
  constructor(message) {
    super(message, "no-answer");
  }
}

export class NotStoredError extends KadmeshError {
  /** @param {string} message */
  constructor(message) {
    super(message, "not-stored");
  }
}

export class ConflictError extends KadmeshError {
  /** @param {string} message */
  constructor(message) {
    super(message, "conflict");
  }
}

export class OtherNetworkError extends KadmeshError {
  /** @param {string} message */
  constructor(message) {
    super(message, "other-network");
  }
}

export class ValueError extends KadmeshError {
  /** @param {string} message */
  constructor(message) {
    super(message, "value");
  }
}

export class RelayError extends KadmeshError {
  /**
   * @param {string} message
   * @param {RelayCode} [relayCode]
   */
  constructor(message, relayCode) {
    super(message, "relay");
    this.relayCode = relayCode;
  }
}

export class StoppedError extends KadmeshError {
  /** @param {string} message */
  constructor(message) {
    super(message, "stopped");
  }
}

export class UnsupportedError extends KadmeshError {
  /** @param {string} message */
  constructor(message) {
    super(message, "unsupported");
  }
}

/** @type {Record<string, new (message: string, relayCode?: RelayCode) => KadmeshError>} */
const classes = {
  "not-found": NotFoundError,
  "no-answer": NoAnswerError,
  "not-stored": NotStoredError,
  conflict: ConflictError,
  "other-network": OtherNetworkError,
  value: ValueError,
  relay: RelayError,
  stopped: StoppedError,
  unsupported: UnsupportedError,
};

/**
 * The error with a code of the core. relayCode is the code with which a relay refused, or "".
 *
 * @param {string} code
 * @param {string} message
 * @param {RelayCode | ""} [relayCode]
 */
export function errorOf(code, message, relayCode) {
  const Class = classes[code];
  return Class ? new Class(message, relayCode || undefined) : new KadmeshError(message);
}

/**
 * A hint that a relay of another origin may refuse the page's origin: browsers do not
 * tell that. "" if all relays have the page's origin, or there is no page.
 *
 * @param {string[]} relays
 */
export function originHint(relays, origin = globalThis.location?.origin) {
  const foreign = origin && relays.some((relay) => new URL(relay.replace(/^ws/, "http")).origin !== origin);
  return foreign
    ? `; the relay may not allow pages of ${origin} (--allow-origin ${origin === "null" ? "'*'" : origin})`
    : "";
}
