import assert from "node:assert/strict";
import test from "node:test";
import { openStorage } from "../../web/kadmesh/kadmesh.storage.js";

/** A database on a disk with room for records of so many bytes: of a transaction, all fits or nothing. */
class Disk {
  stores = { identities: new Map(), records: new Map() };
  transactions = 0;

  constructor(room) {
    this.room = room;
  }

  close() {}

  transaction() {
    const changed = { identities: new Map(this.stores.identities), records: new Map(this.stores.records) };
    const t = { error: null, objectStore: (name) => objectStore(changed[name]) };
    setImmediate(() => {
      this.transactions++;
      if (size(changed.records) > this.room) {
        t.error = new DOMException("the disk is full", "QuotaExceededError");
        t.onabort();
        return;
      }
      this.stores = changed;
      t.oncomplete?.();
    });
    return t;
  }

  keys() {
    return [...this.stores.records.keys()].sort();
  }
}

function objectStore(map) {
  return {
    get: (key) => answer(map.get(String(key))),
    getAll: () => answer([...map.values()]),
    put: (value, key) => map.set(String(key), value),
    delete: (key) => map.delete(String(key)),
  };
}

function answer(result) {
  const request = { result };
  setImmediate(() => request.onsuccess());
  return request;
}

const size = (records) => [...records.values()].reduce((sum, { value }) => sum + value.length, 0);

/** A disk and the storage on it, behind the objects of a browser. */
async function opened(t, room) {
  const disk = new Disk(room);
  const browser = {
    navigator: { locks: { request: async (name, options, held) => held({}) } },
    indexedDB: { open: () => answer(disk) },
    IDBKeyRange: { bound: () => null },
  };
  for (const [name, value] of Object.entries(browser)) {
    const was = Object.getOwnPropertyDescriptor(globalThis, name) ?? { value: undefined, configurable: true };
    Object.defineProperty(globalThis, name, { value, configurable: true });
    t.after(() => Object.defineProperty(globalThis, name, was));
  }
  const storage = await openStorage("test");
  assert.equal(storage.state, "kept");
  return { disk, storage };
}

const record = (key, bytes) => ({ key, value: new Uint8Array(bytes), published: 1, ttl: 1, cached: false });

test("what is gathered is written in one transaction", async (t) => {
  const { disk, storage } = await opened(t, 100);
  const before = disk.transactions;
  storage.remember({ id: "me" });
  storage.save(record("a", 1));
  storage.save(record("b", 1));
  storage.remove("b");
  await storage.flush();
  assert.equal(disk.transactions - before, 1);
  assert.deepEqual(disk.keys(), ["0,a"]);
  assert.equal(disk.stores.identities.get("0").id, "me");
  assert.equal(storage.state, "kept");
});

test("what is too large for the disk takes nothing else with it", async (t) => {
  const { disk, storage } = await opened(t, 100);
  storage.save(record("old", 90));
  await storage.flush();
  storage.save(record("large", 1000));
  storage.save(record("new", 80));
  storage.remember({ id: "me" });
  storage.remove("old"); // makes the room for new
  await storage.flush();
  assert.deepEqual(disk.keys(), ["0,new"]);
  assert.equal(disk.stores.identities.get("0").id, "me");
  assert.equal(storage.state, "full");
});

test("the disk is full until all that is held is kept", async (t) => {
  const { storage } = await opened(t, 100);
  const after = async (change) => {
    change();
    await storage.flush();
    return storage.state;
  };
  assert.equal(await after(() => storage.save(record("large", 1000))), "full");
  assert.equal(await after(() => storage.save(record("small", 1))), "full");
  assert.equal(await after(() => storage.save(record("large", 10))), "kept");
  assert.equal(await after(() => storage.save(record("larger", 1000))), "full");
  assert.equal(await after(() => storage.remove("larger")), "kept");
});
