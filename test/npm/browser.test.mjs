// What only a browser has: IndexedDB with one slot for each tab, Workers, policies.

import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { patience, until } from "../browser/lib/processes.js";
import { launch, open, openIn } from "./lib/browser.mjs";
import { root, startNetwork } from "./lib/network.mjs";
import { serve } from "./lib/serve.mjs";

let directory, files, network, browser, policy;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "kadmesh-browser-"));
  await cp(`${root}artifacts/npm`, directory, { recursive: true });
  await writeFile(
    join(directory, "page.js"),
    `import * as all from "./kadmesh.js"; Object.assign(globalThis, all); document.title = "ready";`,
  );
  await writeFile(join(directory, "index.html"), `<!doctype html><script type="module" src="page.js"></script>`);
  files = await serve(directory, (url) => {
    const wanted = new URL(url, "http://x").searchParams.get("csp");
    return wanted ? { "content-security-policy": wanted } : {};
  });
  browser = await launch();
  network = await startNetwork([files.origin]);
  const [documented] = /^default-src .*$/m.exec(await readFile(`${root}docs/browser.md`, "utf8"));
  policy = documented.replace("wss://relay.example.org", network.relay);
  await writeFile(
    join(directory, "relay.js"),
    `import * as all from "${network.http}/kadmesh.js"; Object.assign(globalThis, all); document.title = "ready";`,
  );
  await writeFile(join(directory, "relay.html"), `<!doctype html><script type="module" src="relay.js"></script>`);
});

after(async () => {
  await browser?.close();
  files?.close();
  await network?.stop();
  await rm(directory, { recursive: true });
});

/** Opens the page, in a context or a new one; start(options) is there to use. */
async function newPage({ context, path = "", csp = "", options = {} } = {}) {
  const url = `${files.origin}/${path}${csp && `?csp=${encodeURIComponent(csp)}`}`;
  const page = context ? await openIn(context, url) : await open(browser, url);
  await page.waitForFunction(() => document.title === "ready");
  await page.evaluate(
    (given) => {
      globalThis.start = async () => (globalThis.node = await Kadmesh.start(given)).id;
    },
    { relay: network.relay, ...options },
  );
  return page;
}

test("each tab has an identity, which comes back with what it kept", async () => {
  const first = await newPage();
  const context = first.context();
  const second = await newPage({ context });
  const ids = [await first.evaluate(() => start()), await second.evaluate(() => start())];
  assert.notEqual(ids[0], ids[1]);
  await first.evaluate(() => node.set("kept", "over a reload"));
  assert.equal(await first.evaluate(async () => (await node.stats()).storage), "kept");
  await first.evaluate(() => node.stop());
  assert.equal(await first.evaluate(() => start()), ids[0]);
  const kept = await first.evaluate(async () => (await node.records()).map(({ value }) => value));
  assert.ok(kept.includes("over a reload"));
  await first.evaluate(() => node.set("kept", "over a crash"));
  // Some time after a change, it is in the database, under the slot of this tab, which is the
  // first; closing a tab is no notice.
  await until(
    () =>
      first.evaluate(async (text) => {
        const db = await new Promise((resolve, reject) =>
          Object.assign(indexedDB.open("kadmesh"), { onsuccess: (e) => resolve(e.target.result), onerror: reject }),
        );
        const all = await new Promise(
          (resolve) =>
            (db
              .transaction("records")
              .objectStore("records")
              .getAll(IDBKeyRange.bound([0, ""], [0, "g"])).onsuccess = (e) => resolve(e.target.result)),
        );
        db.close();
        return all.some(({ value }) => new TextDecoder().decode(value).includes(text));
      }, "over a crash"),
    "the record to be in the database",
  );
  await first.close(); // without stop
  const third = await until(async () => {
    const third = await newPage({ context });
    if ((await third.evaluate(() => start())) === ids[0]) {
      return third;
    }
    await third.close(); // the first one's lock was not free yet
  }, "the identity to be free");
  assert.ok(
    (await third.evaluate(async () => (await node.records()).map(({ value }) => value))).includes("over a crash"),
  );
  await context.close();
});

test("what is damaged in the database is left out", async () => {
  const page = await newPage();
  const id = await page.evaluate(() => start());
  await page.evaluate(() => node.set("sound", 1).then(() => node.stop()));
  await page.evaluate(async () => {
    const open = indexedDB.open("kadmesh");
    await new Promise((resolve) => (open.onsuccess = resolve));
    const t = open.result.transaction(["identities", "records"], "readwrite");
    t.objectStore("identities").put(
      {
        id: (await new Promise((r) => (t.objectStore("identities").get(0).onsuccess = (e) => r(e.target.result)))).id,
        contacts: "none",
        resume: { url: 1, token: "x" },
      },
      0,
    );
    const damaged = [
      null,
      5,
      {},
      { key: 1 },
      { key: "00", value: [1], published: 1, ttl: 1, cached: false },
      { key: "zz", value: new Uint8Array(1), published: "now", ttl: {}, cached: 0 },
    ];
    damaged.push({
      key: "0".repeat(40),
      value: new Uint8Array([0xc1]),
      published: Date.now(),
      ttl: 1e6,
      cached: false,
    });
    damaged.forEach((record, i) => t.objectStore("records").put(record, [0, `damaged ${i}`]));
    await new Promise((resolve) => (t.oncomplete = resolve));
    open.result.close();
  });
  assert.equal(await page.evaluate(() => start()), id);
  const records = await page.evaluate(() => node.records());
  assert.ok(records.some(({ value }) => value === 1));
  assert.ok(records.every(({ type, key }) => type !== "other" && !/^0{40}$/.test(key)));
  await page.context().close();
});

test("a full disk is told, and the node lives on", async () => {
  const page = await newPage();
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Storage.overrideQuotaForOrigin", { origin: files.origin, quotaSize: 1 });
  await page.evaluate(() => start());
  await page.evaluate(() => node.set("much", "x".repeat(8000)));
  await page.waitForFunction(async () => (await node.stats()).storage === "full", undefined, { timeout: patience });
  assert.equal(await page.evaluate(async () => (await node.get("much")).length), 8000);
  await page.evaluate(() => node.stop());
  await page.context().close();
});

test("without storage, each start is another node", async () => {
  for (const worker of [true, false]) {
    const page = await newPage({ options: { storage: false, worker } });
    const first = await page.evaluate(() => start());
    assert.equal(await page.evaluate(async () => (await node.stats()).storage), "memory");
    await page.evaluate(() => node.stop());
    assert.notEqual(await page.evaluate(() => start()), first);
    assert.deepEqual(await page.evaluate(() => indexedDB.databases()), []);
    await page.context().close();
  }
});

test("where storage is forbidden, the node does without", async () => {
  const page = await newPage({ options: { worker: false } });
  const started = await page.evaluate(async () => {
    navigator.locks.request = () => Promise.reject(new DOMException("not here", "SecurityError"));
    await start();
    return (await node.stats()).storage;
  });
  assert.equal(started, "memory");
  await page.context().close();
});

test("the policy of docs/browser.md is enough, and what it lacks is named", async () => {
  const good = await newPage({ csp: policy });
  assert.match(await good.evaluate(() => start()), /^[\da-f]{40}$/);
  assert.deepEqual(good.errors, []);
  await good.evaluate(() => node.stop());
  await good.context().close();

  const site = `'self' ${network.http}`;
  const csp = policy
    .replace("script-src 'self'", `script-src ${site}`)
    .replace("connect-src 'self'", `connect-src ${site}`)
    .replace("worker-src 'self'", `worker-src ${site} blob:`);
  const far = await newPage({ path: "relay.html", csp, options: { relay: undefined } });
  assert.match(await far.evaluate(() => start()), /^[\da-f]{40}$/);
  assert.deepEqual(far.errors, []);
  await far.context().close();

  const rows = [
    [
      policy.replace("worker-src 'self'", "worker-src 'none'"),
      /^kadmesh\.worker\.js cannot be loaded|^a Worker cannot be started/,
    ],
    [policy.replace(" 'wasm-unsafe-eval'", ""), /^cannot compile .*kadmesh\.wasm: /],
    [policy.replace("connect-src 'self'", "connect-src"), /^cannot load .*kadmesh\.wasm: /],
  ];
  for (const [csp, message] of rows) {
    const page = await newPage({ csp, options: { worker: csp.includes("worker-src 'none'") } });
    assert.match(
      await page.evaluate(() =>
        start().then(
          () => "started",
          (error) => error.message,
        ),
      ),
      message,
    );
    await page.context().close();
  }
});

test("two nodes in one page, started and given up, leave no Worker", async () => {
  const page = await newPage();
  const ids = await page.evaluate(() => Promise.all([start(), start()]));
  assert.notEqual(ids[0], ids[1]);
  assert.equal(page.workers().length, 2);
  await page.evaluate(() => node.stop());
  const given = await page.evaluate(async (relay) => {
    const controller = new AbortController();
    const starting = Kadmesh.start({ relay, signal: controller.signal, onprogress: () => controller.abort() });
    return starting.then(
      () => "started",
      ({ name }) => name,
    );
  }, network.relay);
  assert.equal(given, "AbortError");
  await until(() => page.workers().length === 1, "the Worker that was given up to be gone");
  assert.deepEqual(page.errors, []);
  await page.context().close();
});
