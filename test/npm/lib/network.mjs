// A network on this machine: a node, and a relay that lends addresses of it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../../", import.meta.url));

const children = new Set();
process.on("exit", () => children.forEach((child) => child.kill()));
process.once("SIGTERM", () => process.exit(1)); // a test took too long

/** Starts a network whose relay takes pages of these origins. */
export async function startNetwork(origins = [], flags = []) {
  const node = await run("kadmesh", ["node", "--listen", "127.0.0.1:0"]);
  const seed = node.line.split(" ")[1];
  const allowed = origins.flatMap((origin) => ["--allow-origin", origin]);
  const relay = await run("kadmesh-relay", [
    "--listen",
    "127.0.0.1:0",
    "--allow-private",
    "--bootstrap",
    seed,
    ...allowed,
    ...flags,
  ]);
  const http = relay.line.split(" ")[1];
  return {
    seed,
    http,
    relay: http.replace("http", "ws"),
    peers: async () => (await (await fetch(`${http}/healthz`)).json()).peers,
    stop: () => Promise.all([relay.stop(), node.stop()]),
  };
}

/** Runs a program of bin/ until it says that it listens. */
async function run(name, args) {
  const child = spawn(`${root}bin/${name}`, args, {
    stdio: ["ignore", "pipe", process.env.KADMESH_VERBOSE ? "inherit" : "ignore"],
  });
  children.add(child);
  const ended = once(child, "exit").finally(() => children.delete(child));
  const [line] = await Promise.race([
    once(createInterface(child.stdout), "line"),
    ended.then(([code]) => Promise.reject(new Error(`${name} ${args.join(" ")}: exit status ${code}`))),
  ]);
  return {
    line,
    stop() {
      child.kill();
      return ended;
    },
  };
}

/** Runs kadmesh. Resolves to its output. */
export async function kadmesh(...args) {
  const child = spawn(`${root}bin/kadmesh`, args, { stdio: ["ignore", "pipe", "inherit"] });
  const parts = [];
  child.stdout.on("data", (part) => parts.push(part));
  const [code] = await once(child, "close");
  if (code) {
    throw new Error(`kadmesh ${args.join(" ")}: exit status ${code}`);
  }
  return Buffer.concat(parts).toString();
}

/** A TCP port of 127.0.0.1 that is free now. */
export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}
