/**
 * Kadmesh in a browser tab: a full node of a Kademlia network, reached by other
 * nodes over UDP at an address that a relay lends it.
 *
 *     import { Kadmesh } from "./kadmesh.js";
 *     const node = await Kadmesh.start();
 *     await node.set("greeting", "hello");
 *     console.log(await node.get("greeting"));
 */

/** The values that can be stored. See {@link Kadmesh.set} for how it maps to the wire. */
export type Value = string | number | bigint | boolean | Uint8Array;

/** The types of the wire, as Python names them. Others cannot be set. */
export type ValueType = "str" | "bytes" | "int" | "float" | "bool";

/** The types of values in the network: other programs can store more types than can be set. */
export type AnyValueType = ValueType | "nil" | "list" | "map" | "other";

/**
 * Which peers datagrams may go to directly, over WebRTC, instead of by the relay:
 * - "relay-only": none; no peer connection is made, and no address leaves.
 * - "direct": peers that can be reached at their address in the network, such as native
 *   nodes. They see the user's public address.
 * - "lan": also peers in the same local network. Every node that takes direct paths is
 *   told local addresses, or the names that the browser has for them, once it has
 *   answered a request of this one, wherever it is.
 */
export type DirectMode = "relay-only" | "direct" | "lan";

/** As RTCIceServer. */
export interface IceServer {
  urls: string | string[];
  username?: string | undefined;
  credential?: string | undefined;
}

export interface StartOptions {
  /**
   * Whole URLs of relays (ws:, wss:, http: or https:), tried in this order, then in
   * turn. Default: the relay that this module was loaded from.
   */
  relay?: string | URL | readonly (string | URL)[] | undefined;
  /** Addresses of nodes to join through, "192.0.2.1:8468". Default: nodes that the relay names. */
  bootstrap?: readonly string[] | undefined;
  /** The token without which the relay lends no address, if it asks for one. */
  token?: string | undefined;
  /**
   * Where identity, contacts and stored values are kept: the name of an IndexedDB
   * database, "kadmesh" by default; false keeps them in memory, for this run only.
   * Tabs of one origin each have an identity of their own in it.
   */
  storage?: string | false | undefined;
  /** How many bytes may be kept for others. Default 16 MiB. */
  storeBytes?: number | undefined;
  /**
   * Which direct paths there may be beside the relay. Default "relay-only": none, and
   * nobody but the relay sees an address of the user's. See {@link DirectMode}.
   */
  direct?: DirectMode | undefined;
  /**
   * Servers that tell a browser its public address (STUN), with which tabs behind
   * different NATs can meet. Default: none. The servers see the user's address, and the
   * peers that take direct paths are told it.
   */
  iceServers?: readonly IceServer[] | undefined;
  /**
   * The name of the network. Nodes with another name are no contacts; Python nodes know
   * no names. Default "": the network without a name.
   */
  network?: string | undefined;
  /** Nodes that hold a value. Default: as many as the nodes it joins through say, or 20. */
  k?: number | undefined;
  /** Requests at a time. Default 3. */
  alpha?: number | undefined;
  /** Where kadmesh.wasm lies. Default: beside this module. */
  wasm?: string | URL | undefined;
  /**
   * Run in a Worker, so that the page stays smooth. Default: if there are Workers.
   * Without one, Go's runtime sets globalThis.Go, and globalThis.fs, process and
   * path where they are missing.
   */
  worker?: boolean | undefined;
  /** Gives up starting. A node that has started is ended by {@link Kadmesh.stop}. */
  signal?: AbortSignal | undefined;
  /** Told how starting goes on, before there is a node to listen to. */
  onprogress?: ((step: StartStep) => void) | undefined;
}

/**
 * How starting goes on, in this order. Milliseconds are since the call of start;
 * bytes are the transferred bytes, 0 if that is not known. known is the number of contacts
 * from an earlier start, through which the node joins besides the seeds.
 */
export type StartStep =
  | { step: "loading"; ms: number; bytes: number }
  | { step: "running"; ms: number; bytes: number }
  | { step: "relay"; ms: number; url: string; address: string }
  | { step: "joining"; ms: number; seeds: readonly string[]; known: number }
  | { step: "joined"; ms: number; contacts: number };

/**
 * The options of operations that ask the network: get, find, set, delete, lookup and ping. An
 * operation waits while no relay is connected, and is tried again if the relay was lost
 * on the way. Without a relay for 30 s it rejects with RelayError.
 */
export interface OperationOptions {
  signal?: AbortSignal | undefined;
}

export interface GetOptions extends OperationOptions {
  /**
   * How many holders must return the same value. Default 3. In a network with fewer
   * holders these are enough.
   */
  quorum?: number | undefined;
  /**
   * Takes a copy that was made at most so many milliseconds ago, and one answer is then
   * enough. Copies spread the load of a key that many nodes read. Default: no copy.
   */
  maxAge?: number | undefined;
}

/** The options of delete, and some of those of set. */
export interface ChangeOptions extends OperationOptions {
  /**
   * Changes the value only if it has this version (see {@link Found}), or only if there is
   * none ("none"). Otherwise it rejects with ConflictError. In a network that is cut in
   * two, two writers can both succeed. A conditional operation is not tried again if the
   * relay is lost on the way.
   */
  ifVersion?: number | "none" | undefined;
}

export interface SetOptions extends ChangeOptions {
  /** How long the value lives, in milliseconds: 1 s to a week. Default: a day. */
  ttl?: number | undefined;
  /**
   * The wire's type. Default: by the JavaScript type. Needed for whole numbers
   * that shall be floats, since JavaScript has no 1.0.
   */
  type?: ValueType | undefined;
}

/** What a set or a deletion has reached. */
export interface SetResult {
  /**
   * How many nodes have done it: this node, if it is among the nearest to the key, and the
   * nodes that acknowledged. 1 can be this node alone, if it knows no other.
   */
  nodes: number;
  /** How many nodes were asked, this one included. */
  asked: number;
  /** The version that the value was given. */
  version: number;
}

export interface Contact {
  /** 40 hexadecimal digits. */
  id: string;
  /** "192.0.2.1:8468" or "[2001:db8::1]:8468" */
  address: string;
}

export interface Found {
  /** What {@link Kadmesh.get} gives; for other types, the msgpack encoding. */
  value: Value | null;
  type: AnyValueType;
  /** The node that had it; null for this node. */
  holder: Contact | null;
  /** When it was set, in milliseconds since 1970; null if the holder did not say. */
  published: number | null;
  /** For ifVersion: later values have larger ones. null if no holder said, as Python nodes. */
  version: number | null;
  /** How many holders returned this value; 0 for a copy. */
  holders: number;
}

/** A contact and how it is reached. */
export interface Reached extends Contact {
  path: "direct" | "relay";
  /** The last round trip over the direct path, in milliseconds; null if there is none. */
  rtt: number | null;
}

/** A peer that takes direct paths, and its state. */
export interface PeerPath extends Reached {
  state: "idle" | "offering" | "answering" | "open" | "backing off";
}

/** A contact with its place in the routing table. */
export interface TableEntry extends Reached {
  /** How many leading bits its id shares with the node's own: its distance. */
  prefix: number;
  /** In a bucket, or waiting for a place in one. */
  place: "bucket" | "replacement";
  /** RPCs in a row that went unanswered. */
  fails: number;
}

export interface StoredRecord {
  key: string;
  type: AnyValueType;
  value: Value | null;
  bytes: number;
  published: number;
  expires: number;
  version: number;
  /** Kept because this node was on the way, not because it is near the key. */
  cached: boolean;
}

/**
 * Why a relay does not serve a node: it wants another token; all its addresses are
 * lent, or all that one client may have; another node has taken over the address.
 */
export type RelayCode = "token" | "full" | "per-ip" | "replaced" | "slow" | "version" | "malformed" | "other";

export interface RelayState {
  state: "connecting" | "connected" | "lost" | "refused";
  url: string;
  /** The lent address, or the last one while there is no connection; "" before the first. */
  address: string;
  /** Whether the address is the one from before, or another one. */
  resumed: boolean;
  changed: boolean;
  /** Why the connection was lost or refused; relayCode if the relay itself said so. */
  reason: string;
  relayCode: RelayCode | "";
  /** Milliseconds until the next try; 0 if there is none under way or planned. */
  retryIn: number;
}

/** Why a direct path was given up. */
export type FallbackReason = "silent" | "lost" | "idle" | "displaced" | "worn" | "replaced";

/** Datagrams by path. Offers and answers, by which direct paths begin, are not counted. */
export interface PathStats {
  direct: { sent: number; received: number };
  relay: { sent: number; received: number };
  /** Channels that carry datagrams, and channels being set up. */
  open: number;
  pending: number;
  /** Channels that came to carry datagrams, and channels that were renewed. */
  upgrades: number;
  renewals: number;
  /** Channels that were given up, and attempts that came to nothing, by reason. */
  fallbacks: Partial<Record<FallbackReason, number>>;
  failures: Record<string, number>;
  offersSent: number;
  offersHeard: number;
  /** Offers of others that were not taken, by reason. */
  refusals: Record<string, number>;
  /** Datagrams that went by the relay as well, since their channel was lost. */
  resent: number;
}

export interface Stats {
  received: number;
  receivedBytes: number;
  sent: number;
  sentBytes: number;
  unsent: number;
  /** Requests answered, by procedure. */
  served: Record<string, number>;
  /** Own requests that were answered, or not in time. */
  replied: number;
  timedOut: number;
  /** Datagrams of no use, by reason: of this node, and of the relay connection. */
  dropped: Record<string, number>;
  relayDropped: Record<string, number>;
  /** Values that there was no room for. */
  refused: number;
  /** Where things are kept: in the database; in memory only; in the database, as far as they fit. */
  storage: "kept" | "memory" | "full";
  lookups: number;
  contacts: number;
  replacements: number;
  records: number;
  recordBytes: number;
  paths: PathStats;
}

/** The events. Times (at) are milliseconds as of performance.now(). */
export interface Events {
  relay: RelayState;
  /** A contact got into a bucket, left it, did not answer, or answers again. */
  contact: { at: number; change: "added" | "removed" | "failed" | "answered" } & Contact;
  /** A request of the node itself, or a later stage of it. */
  request: {
    at: number;
    request: number;
    /** The lookup that it belongs to; 0 if none. */
    lookup: number;
    method: string;
    to: Contact;
    stage: "sent" | "late" | "overdue" | "replied" | "lost";
    /** Round trip in milliseconds, when replied. */
    rtt: number;
  };
  /** A lookup begins or ends. */
  lookup: {
    at: number;
    lookup: number;
    purpose: "get" | "set" | "lookup" | "join" | "refresh" | "republish";
    target: string;
    stage: "started" | "done";
    /** When done: whether a value was found, and over how many hops, with how many requests. */
    found: boolean;
    hops: number;
    requests: number;
  };
  /** Another node's request was answered. */
  served: { at: number; method: string; from: string; id: string };
  /** A record that the node keeps for others has changed. */
  record: { at: number; change: "stored" | "expired" | "removed" | "refused"; key: string; bytes: number };
  /** A peer is reached directly from now on, with reason "", or by the relay again and why. */
  path: { at: number; path: "direct" | "relay"; reason: FallbackReason | ""; rtt: number } & Contact;
  /** The node has ended; reason is "" if stop was called. */
  stopped: { reason: string };
}

export class Kadmesh {
  /** Use {@link Kadmesh.start}. */
  private constructor();

  /**
   * Starts a node and joins the network. Resolves when it can be used: an
   * address is lent, and the node knows its neighbours. If nobody answers, it
   * resolves after some seconds, and the node goes on trying by itself. Rejects
   * with RelayError if no relay lends an address within 15 s.
   */
  static start(options?: StartOptions): Promise<Kadmesh>;

  /** 40 hexadecimal digits; the same each time, if storage keeps it. */
  readonly id: string;
  /** The lent address; "" while the relay is lost, and after the end. */
  readonly address: string;
  /** How the connection to the relay is: a copy, which does not change. */
  readonly relay: RelayState;
  /** The mode that was asked for, or "relay-only" where there is no WebRTC. */
  readonly direct: DirectMode;

  /**
   * The value under key. Types: str is string, bytes is Uint8Array, bool is
   * boolean, float is number, int is number where a number holds it exactly, and
   * else bigint. Rejects with NotFoundError, and with ValueError if another program
   * stored a value of a type that cannot be set.
   */
  get(key: string, options?: GetOptions): Promise<Value>;
  /** Like get, with all that is known of the value; also for types that cannot be set. */
  find(key: string, options?: GetOptions): Promise<Found>;
  /**
   * Stores a value. By default a string is str, a Uint8Array bytes, a boolean
   * bool, a bigint int, a number int if it is whole and safe (and not -0), else
   * float. What does not fit rejects with ValueError before anything is sent. Rejects
   * with NotStoredError unless more than half of the nodes nearest to the key take it.
   */
  set(key: string, value: Value, options?: SetOptions): Promise<SetResult>;
  /**
   * Deletes the value under key, in the way of set. The nodes remember that for a week.
   * Python nodes cannot delete: they keep the value for up to a week. Python readers find it
   * there, and so do all others where nearly all nodes near the key are Python nodes.
   */
  delete(key: string, options?: ChangeOptions): Promise<SetResult>;
  /** The nodes nearest to a key, nearest first. */
  lookup(key: string, options?: OperationOptions): Promise<Contact[]>;
  /** Round trip to a node, in milliseconds, and its id. */
  ping(address: string, options?: OperationOptions): Promise<{ id: string; rtt: number }>;
  /** The key's place among the ids, 40 hexadecimal digits: its SHA-1. */
  keyOf(key: string): Promise<string>;

  /** The contacts that the node has. */
  table(): Promise<TableEntry[]>;
  /** The peers that take direct paths; none if this node does not. */
  paths(): Promise<PeerPath[]>;
  /** The records that the node keeps for others, the latest first. */
  records(options?: { limit?: number | undefined }): Promise<StoredRecord[]>;
  stats(): Promise<Stats>;

  /** Calls listener from now on, until the returned function or off is called. */
  on<E extends keyof Events>(event: E, listener: (detail: Events[E]) => void): () => void;
  off<E extends keyof Events>(event: E, listener: (detail: Events[E]) => void): void;

  /**
   * Leaves the network. Operations under way reject with StoppedError, as do all
   * later ones; if the node has ended by itself, they reject with why.
   */
  stop(): Promise<void>;
}

/** The kind of an error, in one word. */
export type ErrorCode =
  | "not-found"
  | "no-answer"
  | "not-stored"
  | "conflict"
  | "other-network"
  | "value"
  | "relay"
  | "stopped"
  | "unsupported"
  | "failed";

/** The base of all errors of the module. A signal rejects with its own reason. */
export class KadmeshError extends Error {
  constructor(message: string, code?: ErrorCode);
  readonly code: ErrorCode;
}
/** No node that was asked has a value under the key. */
export class NotFoundError extends KadmeshError {
  constructor(message: string);
  readonly code: "not-found";
}
/** Nobody answered. */
export class NoAnswerError extends KadmeshError {
  constructor(message: string);
  readonly code: "no-answer";
}
/** No majority of the nodes asked acknowledged the value or the deletion. */
export class NotStoredError extends KadmeshError {
  constructor(message: string);
  readonly code: "not-stored";
}
/** The value has another version than ifVersion says. */
export class ConflictError extends KadmeshError {
  constructor(message: string);
  readonly code: "conflict";
}
/** The nodes to join through belong to a network of another name. */
export class OtherNetworkError extends KadmeshError {
  constructor(message: string);
  readonly code: "other-network";
}
/** A value or key that the network cannot carry, or options that make no sense. */
export class ValueError extends KadmeshError {
  constructor(message: string);
  readonly code: "value";
}
/** No relay can be used; relayCode says why, if a relay has said so. */
export class RelayError extends KadmeshError {
  constructor(message: string, relayCode?: RelayCode);
  readonly code: "relay";
  readonly relayCode: RelayCode | undefined;
}
/** The node has been stopped. */
export class StoppedError extends KadmeshError {
  constructor(message: string);
  readonly code: "stopped";
}
/** This browser lacks a feature that a node needs. The message names it. */
export class UnsupportedError extends KadmeshError {
  constructor(message: string);
  readonly code: "unsupported";
}
