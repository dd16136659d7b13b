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
  constructor(message) {
    super(message, "relay");
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

/** The error that the core calls by code. */
export function errorOf(code, message) {
  return new (classes[code] ?? KadmeshError)(message);
}
