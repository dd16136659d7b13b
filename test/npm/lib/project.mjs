// The package as npm installs it, and examples that use it.

import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { root } from "./network.mjs";

export const exec = promisify(execFile);
export const examples = fileURLToPath(new URL("../examples/", import.meta.url));

export async function version() {
  return JSON.parse(await readFile(`${root}web/kadmesh/package.json`, "utf8")).version;
}

/** The file that `make npm` makes. */
export async function tarball() {
  return `${root}artifacts/kadmesh-${await version()}.tgz`;
}

/** A directory with the package installed in it, from the tarball. */
export async function newProject() {
  const directory = await mkdtemp(join(tmpdir(), "kadmesh-npm-"));
  await writeFile(join(directory, "package.json"), `{"private": true, "type": "module"}`);
  await exec("npm", ["install", "--offline", "--no-audit", "--no-fund", "--no-package-lock", await tarball()], {
    cwd: directory,
  });
  return { directory, remove: () => rm(directory, { recursive: true }) };
}

/** Copies an example into a project, with a relay that exists. */
export async function addExample(project, name, relay) {
  const directory = join(project.directory, name);
  await mkdir(directory);
  await cp(join(examples, name), directory, { recursive: true });
  for (const file of await readdir(directory)) {
    const path = join(directory, file);
    const text = await readFile(path, "utf8");
    await writeFile(
      path,
      text.replaceAll("wss://relay.example.org", relay.ws).replaceAll("https://relay.example.org", relay.http),
    );
  }
  return directory;
}
