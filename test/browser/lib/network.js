// Nodes of each kind, and relays, as programs on the loopback interface.

import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createSocket } from "node:dgram";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromPython, toPython } from "./tagged.js";
import { Program, root, run, until, within } from "./processes.js";

const kadmesh = join(root, "bin/kadmesh");
const kadmeshRelay = join(root, "bin/kadmesh-relay");
const python = process.env.KADMESH_PYTHON ?? join(root, ".venv/bin/python");

/** The ends of started programs. They end in the opposite order. */
const ends = [];

/** Ends all that was started; to be called after the tests of a file. */
export async function endAll() {
  const failed = [];
  while (ends.length) {
    await ends
      .pop()()
      .catch((error) => failed.push(error));
  }
  if (failed.length) {
    throw failed[0];
  }
}

/** Has something ended with endAll. */
export function atEnd(end) {
  ends.push(end);
}

/** A directory for the time of the tests. */
export async function scratch() {
  const dir = await mkdtemp(join(tmpdir(), "kadmesh-browser-"));
  atEnd(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

// Each process of tests has a block of UDP ports of its own to lend, below the ports
// that systems choose: a port that one frees for a moment must not go to another.
const block = 256;
let firstPort = 10240 + (process.pid % 64) * block;
let nextPort = 0;

/** A range of so many UDP ports that are free now. */
async function freePorts(count) {
  for (let tries = 0; tries < 500; tries++) {
    if (nextPort + count > block) {
      nextPort = 0;
      firstPort = tries ? 10240 + Math.floor(Math.random() * 80) * block : firstPort;
    }
    const first = firstPort + nextPort;
    nextPort += count;
    const sockets = Array.from({ length: count }, () => createSocket("udp4"));
    const bound = await Promise.all(
      sockets.map(
        (socket, i) =>
          new Promise((resolve) => {
            socket.once("error", () => resolve(false)).bind(first + i, "127.0.0.1", () => resolve(true));
          }),
      ),
    );
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.close(resolve))));
    if (bound.every(Boolean)) {
      return `${first}-${first + count - 1}`;
    }
  }
  throw new Error(`no ${count} free UDP ports in a row from ${firstPort} on`);
}

/** A native node: its program, address and id. */
export async function startNode(bootstrap = [], args = []) {
  needs(kadmesh);
  const program = await Program.start(kadmesh, [
    "node",
    "--listen",
    "127.0.0.1:0",
    ...bootstrap.flatMap((b) => ["--bootstrap", b]),
    ...args,
  ]);
  const [, address, , id] = program.first.split(" ");
  const node = { program, address, id, stop: (signal) => program.stop(signal) };
  atEnd(() => node.stop("SIGKILL"));
  return node;
}

/** Sets a value by way of a native node. */
export async function nativeSet(node, key, { t, v }) {
  const input = t === "bytes" ? Buffer.from(v, "hex") : t === "float" ? floatText(v) : String(v);
  const from = t === "str" || t === "bytes" ? ["--file=-", "--", key] : ["--", key, input];
  const { status, said } = await run(kadmesh, ["set", `--type=${t}`, "--bootstrap", node.address, ...from], {
    input,
  });
  if (status !== 0) {
    throw new Error(`kadmesh set ${key}: ${said}`);
  }
}

function floatText(v) {
  return Object.is(v, -0) ? "-0.0" : String(v).replace("Infinity", "inf").replace("NaN", "nan");
}

/** Gets a value by way of a native node. */
export async function nativeGet(node, key) {
  const { status, output, said } = await run(kadmesh, ["get", "--json", "--bootstrap", node.address, "--", key]);
  if (status !== 0) {
    throw new Error(`kadmesh get ${key}: ${said}`);
  }
  // JSON.parse would round long numbers.
  const [, raw] = /"value":\s*("(?:[^"\\]|\\.)*"|[^,}\s]+)/.exec(output);
  const { type: t } = JSON.parse(output);
  switch (t) {
    case "int":
      return { t, v: raw };
    case "float":
      return { t, v: Number(raw.replace(/"/g, "").replace("Inf", "Infinity")) };
  }
  return { t, v: JSON.parse(raw) };
}

/** Pings an address with the program. Resolves to the id of the node. */
export async function nativePing(address) {
  const { status, output, said } = await run(kadmesh, ["ping", "--json", address]);
  if (status !== 0) {
    throw new Error(`kadmesh ping ${address}: ${said}`);
  }
  return JSON.parse(output).id;
}

/** Nodes of the Python reference, all in one process: see test/interop/README.md. */
export async function startPython(count, args = []) {
  needs(python);
  const program = await Program.start(python, ["test/interop/node.py", "--count", String(count), ...args], {
    input: "",
  });
  const waiting = new Map();
  let last = 0;
  program.onLine = (line) => {
    const { id, ...answer } = JSON.parse(line);
    waiting.get(id)?.(answer);
    waiting.delete(id);
  };
  atEnd(() => program.stop("SIGKILL"));
  const ask = async (node, op, request = {}) => {
    const id = ++last;
    const answered = new Promise((resolve) => waiting.set(id, resolve));
    program.child.stdin.write(JSON.stringify({ id, op, node, ...request }) + "\n");
    const { ok, error, ...answer } = await within(
      Promise.race([answered, program.ended.then(() => ({ error: program.said }))]),
      `Python's ${op}`,
    );
    if (!ok) {
      throw new Error(`Python's ${op}: ${error}`);
    }
    return answer;
  };
  return JSON.parse(program.first).nodes.map(
    ({ listening, id }, i) => new PythonNode(listening, id, (op, r) => ask(i, op, r), program),
  );
}

class PythonNode {
  constructor([ip, port], id, ask, program) {
    this.address = `${ip}:${port}`;
    this.id = id;
    this.ask = ask;
    this.program = program;
  }

  async bootstrap(...addresses) {
    return (await this.ask("bootstrap", { addrs: addresses.map(pair) })).nodes;
  }

  async set(key, value) {
    const { result } = await this.ask("set", { key, value: toPython(value) });
    if (result !== true) {
      throw new Error(`Python's set ${key}: ${result}`);
    }
  }

  async get(key) {
    return fromPython((await this.ask("get", { key })).value);
  }

  /** The id of the node at an address, or null. */
  async ping(address, peer) {
    const { answered, value } = await this.ask("ping", { addr: pair(address), peer });
    return answered ? value.v : null;
  }

  /** Fails if a datagram has broken the node. */
  async intact() {
    const { errors, quotes, closed } = await this.ask("stats");
    if (errors || closed) {
      throw new Error(
        `a Python node has met ${errors} errors: ${quotes.join("; ")}${closed ? "; its socket is closed" : ""}`,
      );
    }
  }
}

/** An address as Python has it. */
export function pair(address) {
  const at = address.lastIndexOf(":");
  return [address.slice(0, at), Number(address.slice(at + 1))];
}

/** A relay that can be ended and started again in its place. */
export async function startRelay({ bootstrap = [], ports = 24, args = [] } = {}) {
  needs(kadmeshRelay);
  const relay = new Relay(await scratch(), await freePorts(ports), bootstrap, args);
  await relay.start();
  atEnd(() => relay.program.stop("SIGKILL"));
  return relay;
}

class Relay {
  listen = "127.0.0.1:0";

  constructor(dir, ports, bootstrap, args) {
    this.args = [
      "--allow-private",
      "--max-peers-per-ip=-1",
      "--udp-ports",
      ports,
      "--secret-file",
      join(dir, "secret"),
      ...bootstrap.flatMap((b) => ["--bootstrap", b]),
      ...args,
    ];
  }

  async start() {
    this.program = await until(() => this.#tryStart(), "the relay's port to be free again");
    this.url = this.program.first.split(" ")[1];
    this.listen = new URL(this.url).host;
    return this;
  }

  async #tryStart() {
    try {
      return await Program.start(kadmeshRelay, ["--listen", this.listen, ...this.args]);
    } catch (error) {
      if (/address already in use/.test(error.message)) {
        return null;
      }
      throw error;
    }
  }

  stop(signal) {
    return this.program.stop(signal);
  }
}

function needs(file) {
  if (!existsSync(file)) {
    throw new Error(`${file} is missing: run make browser, or make build .venv/stamp`);
  }
}
