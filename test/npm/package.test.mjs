// The content of the npm package.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { root } from "./lib/network.mjs";
import { exec, newProject, tarball, version } from "./lib/project.mjs";

const files = [
  "LICENSE",
  "NOTICES.txt",
  "README.md",
  "kadmesh.d.ts",
  "kadmesh.direct.js",
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
  assert.ok(unpackedSize < 7_000_000, `${unpackedSize} bytes`);
  const { stdout: listed } = await exec("tar", ["tzf", await tarball()]);
  assert.deepEqual(
    listed.trim().split("\n").sort(),
    files.map((name) => `package/${name}`),
  );
});

test("the module of the package is complete: it imports nothing that is not in it", async () => {
  for (const name of files.filter((name) => name.endsWith(".js"))) {
    const source = await readFile(`${root}artifacts/npm/${name}`, "utf8");
    for (const [, imported] of source.matchAll(/(?:from|import\(?) ?"\.\/([^"]+)"/g)) {
      assert.ok(files.includes(imported), `${name} imports ${imported}`);
    }
  }
});

test("the tarball is of the version that web/kadmesh/package.json has", async () => {
  const { stdout } = await exec("tar", ["xzOf", await tarball(), "package/package.json"]);
  assert.equal(JSON.parse(stdout).version, await version());
});

// Make hands its variables on, as in `make npm-test VERSION=v1.2.3`.
test("the version is that of VERSION, of the tag, and of the last release in CHANGELOG.md", async (t) => {
  const tag = await exec("git", ["describe", "--tags", "--exact-match"], { cwd: root }).then(
    ({ stdout }) => stdout,
    () => "",
  );
  const heading = /^## (v?\d.*)/m.exec(await readFile(`${root}CHANGELOG.md`, "utf8"))?.[1];
  const release = /^v?(\d+\.\d+\.\d+(?:-[\w.]+)?)(?:\s|$)/;
  const released = Object.entries({ VERSION: process.env.VERSION, "the tag": tag, "CHANGELOG.md": heading })
    .map(([where, text]) => [where, release.exec(text)?.[1]])
    .filter(([, wanted]) => wanted);
  if (!released.length) {
    return t.skip("no release: neither VERSION=v1.2.3, nor a tag, nor a heading in CHANGELOG.md");
  }
  for (const [where, wanted] of released) {
    assert.equal(await version(), wanted, where);
  }
});

// Programs of other people import these: they answer in every later version.
test("the package has these entry points, and the module these exports", async (t) => {
  const project = await newProject();
  t.after(() => project.remove());
  const specifiers = ["kadmesh", "kadmesh/kadmesh.wasm", "kadmesh/kadmesh.worker.js", "kadmesh/package.json"];
  const script = `
    const urls = ${JSON.stringify(specifiers)}.map((specifier) => import.meta.resolve(specifier));
    console.log(JSON.stringify({ urls, names: Object.keys(await import("kadmesh")).sort() }));`;
  const { stdout } = await exec(process.execPath, ["--input-type=module", "-e", script], { cwd: project.directory });
  const { urls, names } = JSON.parse(stdout);
  const paths = urls.map((url) => url.replace(/.*\/node_modules\//, ""));
  assert.deepEqual(paths, ["kadmesh/kadmesh.js", ...specifiers.slice(1)]);
  for (const url of urls) {
    assert.ok((await readFile(new URL(url))).length, url);
  }
  assert.deepEqual(names, [
    "ConflictError",
    "Kadmesh",
    "KadmeshError",
    "NoAnswerError",
    "NotFoundError",
    "NotStoredError",
    "OtherNetworkError",
    "RelayError",
    "StoppedError",
    "UnsupportedError",
    "ValueError",
  ]);
});
