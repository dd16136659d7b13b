// The package in Chromium, as each way of using it delivers it: examples/, which
// docs/browser.md shows.

import assert from "node:assert/strict";
import { cp, readdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import * as vite from "vite";
import { until } from "../browser/lib/processes.js";
import { launch, open, shows } from "./lib/browser.mjs";
import { freePort, startNetwork } from "./lib/network.mjs";
import { addExample, exec, newProject } from "./lib/project.mjs";
import { serve } from "./lib/serve.mjs";

const bin = fileURLToPath(new URL("node_modules/.bin", import.meta.url));
let project, network, browser, static_, vitePort, relay;

before(async () => {
  [project, browser, vitePort] = await Promise.all([newProject(), launch(), freePort()]);
  static_ = await serve(project.directory);
  network = await startNetwork([static_.origin, `http://127.0.0.1:${vitePort}`]);
  relay = { ws: network.relay, http: network.http };
});

after(async () => {
  await browser.close();
  static_.close();
  await network.stop();
  await project.remove();
});

/** Checks that the page at url is a node, sets and gets, and that the node leaves. */
async function check(url) {
  const page = await open(browser, url);
  await shows(page, "hello and goodbye");
  assert.deepEqual(page.errors, []);
  await until(async () => (await network.peers()) === 0, "the node to leave");
  await page.context().close();
}

test("a script tag, with the files served as they are", async () => {
  const directory = await addExample(project, "script", relay);
  await cp(join(project.directory, "node_modules/kadmesh"), join(directory, "kadmesh"), { recursive: true });
  await check(`${static_.origin}/script/`);
});

test("a script tag, with the module from the relay", async () => {
  await addExample(project, "relay", relay);
  await check(`${static_.origin}/relay/`);
});

test("Vite: dev server, build and preview", async (t) => {
  const directory = await addExample(project, "vite", relay);
  const logger = vite.createLogger("warn");
  logger.warn = logger.warnOnce = (warning) => assert.fail(warning);
  const options = { configFile: false, root: directory, cacheDir: join(directory, ".vite"), customLogger: logger };
  const where = { port: vitePort, strictPort: true, host: "127.0.0.1" };
  const dev = await vite.createServer({ ...options, server: where });
  t.after(() => dev.close());
  await dev.listen();
  await check(`http://127.0.0.1:${vitePort}/`);
  await dev.close();

  await vite.build(options);
  const assets = await readdir(join(directory, "dist/assets"));
  assert.equal(assets.filter((name) => name.endsWith(".wasm")).length, 1);
  const preview = await vite.preview({ ...options, preview: where });
  t.after(() => preview.close());
  await check(`http://127.0.0.1:${vitePort}/`);
});

test("esbuild", async () => {
  const directory = await addExample(project, "esbuild", relay);
  await symlink(join(project.directory, "node_modules"), join(directory, "node_modules"));
  const { stderr } = await exec("sh", ["-e", "build.sh"], {
    cwd: directory,
    env: { ...process.env, PATH: `${bin}:${process.env.PATH}` },
  });
  assert.doesNotMatch(stderr, /warning/i);
  await check(`${static_.origin}/esbuild/dist/`);
});
