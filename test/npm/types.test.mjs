// kadmesh.d.ts: as TypeScript reads it, and compared with the module.

import assert from "node:assert/strict";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import * as module from "../../web/kadmesh/kadmesh.js";
import { classes, members } from "./lib/declared.mjs";
import { exec, newProject } from "./lib/project.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));

test("strict TypeScript takes the package", async () => {
  const project = await newProject();
  await cp(join(here, "types"), project.directory, { recursive: true });
  for (const config of ["tsconfig.bundler.json", "tsconfig.node16.json"]) {
    const run = exec(join(here, "node_modules/.bin/tsc"), ["-p", config], { cwd: project.directory });
    await run.catch(({ stdout }) => assert.fail(`${config}\n${stdout}`));
  }
  await project.remove();
});

test("what is declared is what is exported", () => {
  assert.deepEqual(classes.sort(), Object.keys(module).sort());
  for (const name of classes.filter((name) => name.endsWith("Error") && name !== "KadmeshError")) {
    const error = new module[name]("words");
    assert.ok(error instanceof module.KadmeshError && error instanceof Error);
    assert.deepEqual([error.name, error.message], [name, "words"]);
    assert.equal(
      error.code,
      name
        .replace("Error", "")
        .replace(/\B[A-Z]/g, "-$&")
        .toLowerCase(),
    );
  }
  assert.equal(new module.KadmeshError("words").code, "failed");
});

test("what Kadmesh declares is what it has", () => {
  const { prototype } = module.Kadmesh;
  const has = [
    ...Object.getOwnPropertyNames(prototype),
    ...Object.keys(Object.getOwnPropertyDescriptors(module.Kadmesh)).filter((name) => name === "start"),
  ];
  assert.deepEqual([...new Set(has)].sort(), members("Kadmesh").sort());
});
