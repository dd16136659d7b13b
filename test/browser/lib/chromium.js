// Which browser the tests use: a module without others, for test/npm has its own.

import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** The path of $KADMESH_CHROMIUM, or else of the first browser that there is. */
export function chromiumPath() {
  if (process.env.KADMESH_CHROMIUM) {
    return process.env.KADMESH_CHROMIUM;
  }
  for (const dir of process.env.PATH.split(delimiter)) {
    for (const name of ["chromium", "google-chrome", "google-chrome-stable", "chromium-browser"]) {
      if (existsSync(join(dir, name))) {
        return join(dir, name);
      }
    }
  }
  throw new Error("no chromium in PATH, and KADMESH_CHROMIUM is not set: run scripts/setup.sh browser");
}
