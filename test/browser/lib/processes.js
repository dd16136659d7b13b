// Starts programs, and sees to it that none of them outlives the tests.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../../", import.meta.url));

/** How long one thing may take that should take a moment. It ends a test that hangs. */
export const patience = 60_000;

const running = new Set();

function killAll() {
  for (const program of running) {
    program.child.kill("SIGKILL");
  }
}

process.on("exit", killAll);
for (const [signal, status] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
]) {
  process.on(signal, () => process.exit(status));
}

/** A program that says on its first line of output that it is ready. */
export class Program {
  /** Resolves when the first line is there, which is then in first. */
  static async start(file, args, options = {}) {
    const program = new Program(file, args, options);
    program.first = await within(program.line(), `${file} to be ready`);
    return program;
  }

  constructor(file, args, { env, input } = {}) {
    this.name = [file.split("/").pop(), ...args].join(" ");
    this.said = ""; // the end of standard error
    this.waiting = [];
    this.lines = [];
    this.child = spawn(file, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    });
    running.add(this);
    this.child.stderr.setEncoding("utf8").on("data", (text) => (this.said = (this.said + text).slice(-4000)));
    createInterface({ input: this.child.stdout }).on("line", (line) => this.#hear(line));
    this.ended = new Promise((resolve) => {
      this.child.on("error", (error) => resolve({ error }));
      this.child.on("close", (status, signal) => resolve({ status, signal }));
    }).then((end) => {
      running.delete(this);
      this.end = end;
      this.#hear(null);
      return end;
    });
  }

  #hear(line) {
    if (this.onLine && line !== null) {
      this.onLine(line);
    } else if (this.waiting.length) {
      this.waiting.shift()(line);
    } else {
      this.lines.push(line);
    }
  }

  /** The next line of output. */
  async line() {
    const line = this.lines.length ? this.lines.shift() : await new Promise((resolve) => this.waiting.push(resolve));
    if (line === null) {
      throw new Error(`${this.name} has ended: ${JSON.stringify(this.end, errors)}\n${this.said}`);
    }
    return line;
  }

  /** Sends a signal and waits for the end. */
  async stop(signal = "SIGTERM") {
    this.child.kill(signal);
    const end = await within(this.ended, `${this.name} to end by ${signal}`).catch((error) => {
      this.child.kill("SIGKILL");
      throw error;
    });
    return end;
  }
}

function errors(_, value) {
  return value instanceof Error ? value.message : value;
}

/** Runs a program to its end, with its input. Resolves to its status and its output. */
export async function run(file, args, options, ms) {
  const program = new Program(file, args, options);
  program.child.stdin?.on("error", () => {}); // it may end without reading
  program.child.stdin?.end(options?.input);
  let output = "";
  program.onLine = (line) => (output += line + "\n");
  const end = await within(program.ended, `${program.name} to end`, ms).finally(() => program.child.kill("SIGKILL"));
  if (end.error) {
    throw end.error;
  }
  return { ...end, output, said: program.said };
}

/** Rejects if a promise takes too long. */
export async function within(promise, what, ms = patience) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ms / 1000} s for ${what}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks again until there is an answer that is not falsy. */
export async function until(ask, what, ms = patience) {
  const end = Date.now() + ms;
  for (;;) {
    const answer = await ask();
    if (answer) {
      return answer;
    }
    if (Date.now() > end) {
      throw new Error(`waited ${ms / 1000} s for ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Does something with each item, with so many at a time. */
export async function each(items, atATime, f) {
  const queue = [...items].entries();
  await Promise.all(
    Array.from({ length: atATime }, async () => {
      for (const [i, item] of queue) {
        await f(item, i);
      }
    }),
  );
}
