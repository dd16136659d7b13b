// The core's own tests, compiled to WebAssembly, in a page.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join, relative } from "node:path";
import { after, test } from "node:test";
import { newContext, startBrowser } from "./lib/browser.js";
import { atEnd, endAll, scratch } from "./lib/network.js";
import { root, run } from "./lib/processes.js";

after(endAll);

const go = process.env.GO ?? "go";

test("the core's tests pass", async () => {
  const dir = await scratch();
  const binary = join(dir, "core.test.wasm");
  const built = await run(
    go,
    ["test", "-c", "-o", binary, "./core"],
    { env: { GOOS: "js", GOARCH: "wasm" } },
    300_000,
  );
  assert.equal(built.status, 0, built.said);
  const { output } = await run(go, ["env", "GOROOT"]);
  const url = await serve({
    "/": ["text/html", "<!doctype html><title>Tests</title><script src=wasm_exec.js></script>"],
    "/wasm_exec.js": ["text/javascript", await readFile(join(output.trim(), "lib/wasm/wasm_exec.js"))],
    "/gotest.js": ["text/javascript", await readFile(new URL("lib/gotest.js", import.meta.url))],
    "/core.test.wasm": ["application/wasm", await readFile(binary)],
  });

  const context = await newContext(await startBrowser());
  const page = await context.newPage();
  const lines = [];
  page.on("console", (message) => lines.push(message.text()));
  await page.goto(url);
  const status = await page.evaluate(
    async (files) => {
      const { runTests } = await import("/gotest.js");
      return runTests("/core.test.wasm", ["-test.short", "-test.v", "-test.timeout=3m"], files);
    },
    await testdata(),
  );
  const bad = lines.filter((line) => /^\s*(--- FAIL|FAIL|panic)/.test(line));
  const said = lines.filter((line) => !/^\s*(===|--- PASS)/.test(line));
  assert.deepEqual([status, bad, lines.at(-1)], [0, [], "PASS"], said.slice(-100).join("\n"));
  const count = (what) => lines.filter((line) => line.startsWith(`--- ${what}`)).length;
  assert.ok(count("PASS") > 100, `${count("PASS")} tests have passed`);
  console.log(`${count("PASS")} tests of the core in ${context.browser().version()}, ${count("SKIP")} skipped`);
});

/** Serves files of a type, by path, on the loopback interface. */
async function serve(files) {
  const server = createServer((request, response) => {
    const [type, content] = files[request.url] ?? [];
    response.writeHead(type ? 200 : 404, { "content-type": type ?? "text/plain" }).end(content);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  atEnd(async () => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}/`;
}

/** What the tests read: text by path below core. */
async function testdata() {
  const core = join(root, "core");
  const files = {};
  const read = async (dir) => {
    for (const entry of await readdir(dir, { withFileTypes: true })) {
      const path = join(dir, entry.name);
      if (entry.isDirectory()) {
        await read(path);
      } else {
        files[relative(core, path)] = await readFile(path, "utf8");
      }
    }
  };
  await read(join(core, "testdata"));
  return files;
}
