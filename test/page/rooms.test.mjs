import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import test from "node:test";

const page = new URL("../../web/page/", import.meta.url);

/** The files that the modules of a room may import, besides their neighbours: web/README.md. */
const rooms = {
  text: /^(text\/|model\/ids\.js$)/,
  model: /^(model|text)\//,
  ui: /^(ui|model|text)\//,
  panels: /^(panels|ui|model|text)\//,
};

test("each room of the page imports only from the rooms below it", async () => {
  assert.deepEqual((await readdir(page)).sort(), Object.keys(rooms).sort());
  for (const [room, allowed] of Object.entries(rooms)) {
    for (const file of await readdir(new URL(room, page))) {
      const url = new URL(`${room}/${file}`, page);
      const source = await readFile(url, "utf8");
      for (const [, path] of source.matchAll(/^(?:import|export) .*?from "([^"]+)";$/gms)) {
        const imported = new URL(path, url).href.slice(page.href.length);
        assert.match(imported, allowed, `${room}/${file} imports ${path}`);
      }
    }
  }
});
