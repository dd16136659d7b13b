// What the module rejects with: see kadmesh.d.ts.

export class KadmeshError extends Error {
  constructor(message, code = "failed") {
    super(message);
    this.code = code;
    this.name = new.target.name;
  }
}

export class NotFoundError extends KadmeshError {
  constructor(message) {
    super(message, "not-found");
  }
}

export class NoAnswerError extends KadmeshError {
  constructor(message) {
    super(message, "no-answer");
  }
}

export class NotStoredError extends KadmeshError {
  constructor(message) {
    super(message, "not-stored");
  }
}

export class ValueError extends KadmeshError {
  constructor(message) {
    super(message, "value");
  }
}

export class RelayError extends KadmeshError {
  constructor(message, relayCode) {
    super(message, "relay");
    this.relayCode = relayCode;
  }
}

export class StoppedError extends KadmeshError {
  constructor(message) {
    super(message, "stopped");
  }
}

export class UnsupportedError extends KadmeshError {
  constructor(message) {
    super(message, "unsupported");
  }
}

const classes = {
  "not-found": NotFoundError,
  "no-answer": NoAnswerError,
  "not-stored": NotStoredError,
  value: ValueError,
  relay: RelayError,
  stopped: StoppedError,
  unsupported: UnsupportedError,
};

/** The error that the core calls by code; relayCode is why a relay refused, or "". */
export function errorOf(code, message, relayCode) {
  return new (classes[code] ?? KadmeshError)(message, code === "relay" && relayCode ? relayCode : undefined);
}

/**
 * What a browser does not tell: that a relay elsewhere may have refused the page's
 * origin. "" if all the relays are of that origin, or there is none.
 */
export function originHint(relays, origin = globalThis.location?.origin) {
  const foreign = origin && relays.some((relay) => new URL(relay.replace(/^ws/, "http")).origin !== origin);
  return foreign
    ? `; the relay may not allow pages of ${origin} (--allow-origin ${origin === "null" ? "'*'" : origin})`
    : "";
}
