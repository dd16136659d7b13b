// Every member of kadmesh.d.ts, used as it may be, and as it may not be.

import {
  ConflictError,
  Kadmesh,
  KadmeshError,
  NoAnswerError,
  NotFoundError,
  NotStoredError,
  OtherNetworkError,
  RelayError,
  StoppedError,
  UnsupportedError,
  ValueError,
  type AnyValueType,
  type ChangeOptions,
  type Contact,
  type DirectMode,
  type ErrorCode,
  type Events,
  type FallbackReason,
  type Found,
  type GetOptions,
  type IceServer,
  type OperationOptions,
  type PathStats,
  type PeerPath,
  type RelayState,
  type SetOptions,
  type SetResult,
  type StartOptions,
  type StartStep,
  type Stats,
  type StoredRecord,
  type TableEntry,
  type Value,
  type ValueType,
} from "kadmesh";

/** Compiles if A and B are the same type. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_: Same<A, B>): void {}

same<Value, string | number | bigint | boolean | Uint8Array>(true);
same<ValueType, "str" | "bytes" | "int" | "float" | "bool">(true);
same<AnyValueType, ValueType | "nil" | "list" | "map" | "other">(true);

export async function start(signal: AbortSignal): Promise<Kadmesh> {
  const all: Required<StartOptions> = {
    relay: ["wss://relay.example.org", new URL("wss://relay.example.org")],
    bootstrap: ["192.0.2.1:8468"],
    token: "secret",
    network: "example",
    storage: "kadmesh",
    storeBytes: 1,
    direct: "direct",
    iceServers: [
      { urls: "stun:stun.example.org" },
      { urls: ["turn:turn.example.org"], username: "u", credential: "c" },
    ] satisfies RTCIceServer[],
    k: 20,
    alpha: 3,
    wasm: new URL("kadmesh.wasm", import.meta.url),
    worker: false,
    signal,
    onprogress,
  };
  const none: StartOptions = {};
  const undef: StartOptions = { relay: undefined, bootstrap: undefined, signal: undefined, onprogress: undefined };
  const fixed = ["wss://a", "wss://b"] as const;
  await Kadmesh.start();
  await Kadmesh.start(none);
  await Kadmesh.start(undef);
  await Kadmesh.start({ relay: fixed, storage: false });
  // @ts-expect-error there is no such option
  await Kadmesh.start({ relays: [] });
  // @ts-expect-error true is no name
  await Kadmesh.start({ storage: true });
  // @ts-expect-error a list
  await Kadmesh.start({ bootstrap: "192.0.2.1:8468" });
  // @ts-expect-error a number
  await Kadmesh.start({ k: "20" });
  // @ts-expect-error there is no such mode
  await Kadmesh.start({ direct: "wan" });
  // @ts-expect-error a list
  await Kadmesh.start({ iceServers: { urls: "stun:stun.example.org" } });
  // @ts-expect-error a node is started
  new Kadmesh();
  return Kadmesh.start(all);
}

function onprogress(step: StartStep): string {
  same<number, typeof step.ms>(true);
  switch (step.step) {
    case "loading":
    case "running":
      // @ts-expect-error not yet
      step.url;
      return `${step.bytes.toFixed()}`;
    case "relay":
      return step.url + step.address;
    case "joining":
      return step.seeds.join() + step.known.toFixed();
    case "joined":
      return step.contacts.toFixed();
    default: {
      const never: never = step;
      return never;
    }
  }
}

export async function operations(node: Kadmesh, signal: AbortSignal): Promise<void> {
  const options: OperationOptions = { signal };
  const value = await node.get("key", options);
  same<typeof value, Value>(true);
  // @ts-expect-error it may be something else
  value.toUpperCase();
  if (typeof value === "object") {
    same<number, typeof value.byteLength>(true);
  }
  const found: Found = await node.find("key", options);
  same<typeof found.value, Value | null>(true);
  same<typeof found.type, AnyValueType>(true);
  same<typeof found.holder, Contact | null>(true);
  same<typeof found.published, number | null>(true);
  same<typeof found.version, number | null>(true);
  const fresh: GetOptions = { quorum: 2, maxAge: 60_000, signal };
  same<number, Awaited<ReturnType<typeof node.find>>["holders"]>(true);
  await node.get("key", fresh);
  const typed: SetOptions = { type: "float", ttl: 60_000, ifVersion: "none", signal };
  const result: SetResult = await node.set("key", 1, typed);
  same<typeof result.nodes, number>(true);
  const change: ChangeOptions = { ifVersion: result.version, signal };
  const deleted: SetResult = await node.delete("key", change);
  same<typeof deleted.asked, number>(true);
  // @ts-expect-error versions are numbers
  await node.delete("key", { ifVersion: "any" });
  // @ts-expect-error a deletion has no life
  await node.delete("key", { ttl: 1000 });
  for (const v of ["s", 1, 1n, true, new Uint8Array()]) {
    await node.set("key", v, { type: undefined, signal: undefined });
  }
  // @ts-expect-error cannot be stored
  await node.set("key", null);
  // @ts-expect-error cannot be stored
  await node.set("key", { a: 1 });
  // @ts-expect-error cannot be set
  await node.set("key", 1, { type: "list" });
  // @ts-expect-error keys are strings
  await node.get(new Uint8Array());
  const [nearest] = await node.lookup("key", options);
  // @ts-expect-error perhaps there is none
  nearest.id;
  same<typeof nearest, Contact | undefined>(true);
  const { id, rtt } = await node.ping("192.0.2.1:8468", options);
  same<typeof id, string>(true);
  same<typeof rtt, number>(true);
  same<string, Awaited<ReturnType<typeof node.keyOf>>>(true);
  const key: string = await node.keyOf("key");
  const table: TableEntry[] = await node.table();
  const records: StoredRecord[] = await node.records({ limit: 5 });
  const stats: Stats = await node.stats();
  const never: number | undefined = stats.served["ping"];
  void [key, table[0]?.prefix, records[0]?.cached, never];
  const [path]: PeerPath[] = await node.paths();
  same<typeof path, PeerPath | undefined>(true);
  const rtts: (number | null | undefined)[] = [path?.rtt, table[0]?.rtt];
  const paths: PathStats = stats.paths;
  const lost: number | undefined = paths.fallbacks.lost;
  void [rtts, lost, paths.direct.sent, paths.failures["broken"]];
  same<typeof node.direct, DirectMode>(true);
  same<DirectMode, "relay-only" | "direct" | "lan">(true);
  // @ts-expect-error it is chosen at the start
  node.direct = "lan";
  const state: RelayState = node.relay;
  same<typeof state.state, "connecting" | "connected" | "lost" | "refused">(true);
  same<typeof node.id, string>(true);
  same<typeof node.address, string>(true);
  // @ts-expect-error it is the node's own
  node.id = "";
  await node.records();
  await node.stop();
}

export function events(node: Kadmesh): void {
  const off = node.on("contact", (event) => {
    same<typeof event.change, "added" | "removed" | "failed" | "answered">(true);
    same<typeof event.id, string>(true);
  });
  same<typeof off, () => void>(true);
  const listener = ({ reason }: Events["stopped"]): void => void reason.length;
  node.on("stopped", listener);
  node.off("stopped", listener);
  node.on("relay", (state) => same<typeof state, RelayState>(true));
  node.on("request", (event) => same<typeof event.to, Contact>(true));
  node.on("lookup", (event) => void (event.stage === "done" && event.hops));
  node.on("served", (event) => void event.from.length);
  node.on("record", (event) => void event.bytes.toFixed());
  node.on("path", (event) => same<typeof event.reason, FallbackReason | "">(true));
  same<keyof Events, "relay" | "contact" | "request" | "lookup" | "served" | "record" | "path" | "stopped">(true);
  // @ts-expect-error there is no such event
  node.on("message", () => {});
  // @ts-expect-error another event's listener
  node.on("served", listener);
}

/** Each class is told from the others, also in the rest. */
export function errors(error: unknown): ErrorCode | undefined {
  if (error instanceof NotFoundError) {
    same<typeof error.code, "not-found">(true);
    return error.code;
  }
  if (error instanceof ConflictError || error instanceof OtherNetworkError) {
    same<typeof error.code, "conflict" | "other-network">(true);
  }
  if (error instanceof NoAnswerError || error instanceof NotStoredError || error instanceof RelayError) {
    same<typeof error.code, "no-answer" | "not-stored" | "relay">(true);
  } else if (error instanceof StoppedError || error instanceof UnsupportedError || error instanceof ValueError) {
    same<typeof error.code, "stopped" | "unsupported" | "value">(true);
  } else if (error instanceof KadmeshError) {
    same<typeof error.code, ErrorCode>(true);
    return error.code;
  }
  return undefined;
}
