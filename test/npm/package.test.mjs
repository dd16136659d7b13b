// What the npm package has in it.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { root } from "./lib/network.mjs";
import { exec, tarball, version } from "./lib/project.mjs";

const files = [
  "LICENSE",
  "NOTICES.txt",
  "README.md",
  "kadmesh.d.ts",
  "kadmesh.errors.js",
  "kadmesh.exec.js",
  "kadmesh.host.js",
  "kadmesh.js",
  "kadmesh.options.js",
  "kadmesh.port.js",
  "kadmesh.storage.js",
  "kadmesh.values.js",
  "kadmesh.wasm",
  "kadmesh.worker.js",
  "package.json",
];

test("the package has these files and no others", async () => {
  const { stdout } = await exec("npm", ["pack", "--json", "--dry-run"], { cwd: `${root}artifacts/npm` });
  const answer = JSON.parse(stdout);
  const [{ files: packed, unpackedSize }] = Object.values(answer);
  assert.deepEqual(packed.map((file) => file.path).sort(), files);
  assert.ok(unpackedSize < 6_000_000, `${unpackedSize} bytes`);
  const { stdout: listed } = await exec("tar", ["tzf", await tarball()]);
  assert.deepEqual(listed.trim().split("\n").sort(), files.map((name) => `package/${name}`));
});

test("the module of the package is complete: it imports nothing that is not in it", async () => {
  for (const name of files.filter((name) => name.endsWith(".js"))) {
    const source = await readFile(`${root}artifacts/npm/${name}`, "utf8");
    for (const [, imported] of source.matchAll(/(?:from|import\(?) ?"\.\/([^"]+)"/g)) {
      assert.ok(files.includes(imported), `${name} imports ${imported}`);
    }
  }
});

test("the version is that of the last release in CHANGELOG.md, and of the tag", async () => {
  const changes = await readFile(`${root}CHANGELOG.md`, "utf8");
  const released = /^## v?(\d+\.\d+\.\d+)/m.exec(changes)?.[1];
  const tag = await exec("git", ["describe", "--tags", "--exact-match"], { cwd: root }).then(({ stdout }) => /^v(\S+)/.exec(stdout)?.[1], () => undefined);
  for (const other of [released, tag]) {
    assert.equal(await version(), other ?? (await version()));
  }
});
