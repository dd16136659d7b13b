// The examples in the documentation are the files that the tests run.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { root } from "./lib/network.mjs";
import { examples } from "./lib/project.mjs";

const blocks = async (file) =>
  [...(await readFile(root + file, "utf8")).matchAll(/^```(\w+)\n(.*?)^```/gms)].map(([, language, text]) => [
    language,
    text,
  ]);

test("docs/browser.md shows the examples as they are", async () => {
  const names = ["relay/index.html", "vite/main.js", "esbuild/build.sh", "node/main.js", "node/leader.js"];
  const texts = await Promise.all(names.map((name) => readFile(join(examples, name), "utf8")));
  assert.deepEqual(
    (await blocks("docs/browser.md")).map(([, text]) => text),
    texts,
  );
  assert.equal(await readFile(join(examples, "esbuild/main.js"), "utf8"), texts[1]);
});

test("web/kadmesh/README.md has the one for bundlers", async () => {
  const [[, text]] = await blocks("web/kadmesh/README.md");
  assert.equal(text, await readFile(join(examples, "vite/main.js"), "utf8"));
});
