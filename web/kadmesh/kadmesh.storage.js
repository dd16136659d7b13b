// What a node keeps for its next start, in IndexedDB: its identity, its contacts, and
// the records that it holds for others. Each open tab of an origin has a slot of its own.
// A lock marks a slot as taken; the browser releases the lock when the tab goes.

/**
 * The identity of a node: its id ("" for a new node), addresses of contacts, and the
 * token with which a relay lends the same address again.
 *
 * @typedef {{ id: string, contacts: string[], resume: { url: string, token: Uint8Array } | null }} Identity
 */

/**
 * A record. published is in milliseconds since 1970, ttl in milliseconds. Databases of
 * before version 0.2 have neither version nor deleted.
 *
 * @typedef {{ key: string, value: Uint8Array, published: number, ttl: number, cached: boolean,
 *   version?: number, deleted?: boolean }} KeptRecord
 */

/**
 * Where things are kept: in the database, in memory only, or in the database as far as
 * they fit.
 *
 * @typedef {"kept" | "memory" | "full"} StorageState
 */

/**
 * A planned write: its subject (a key, or "identity"), and whether it makes room.
 *
 * @typedef {{ subject: string, change: (t: IDBTransaction) => void, removes: boolean }} Write
 * @typedef {{ number: number, release: () => void }} Slot
 */

/** How long writes are gathered for one transaction, in milliseconds. */
const gatherFor = 250;

/** How long to wait for the database before going on without, in milliseconds. */
const openFor = 4000;

/** How many slots there are. Further tabs keep nothing. */
const maxSlots = 256;

/** The storage without a database, or with one that cannot be used. */
export class NoStorage {
  /** @type {StorageState} */
  state = "memory";
  identity = soundIdentity();
  /** @type {KeptRecord[]} */
  records = [];
  /** @param {Partial<Identity>} _change */
  remember(_change) {}
  /** @param {KeptRecord} _record */
  save(_record) {}
  /** @param {string} _key */
  remove(_key) {}
  async close() {}
}

/**
 * Opens the database of that name and takes the first free slot in it. Resolves to
 * NoStorage where that is impossible: in some private windows, and on pages that are no
 * secure contexts.
 *
 * @param {string} name "" for no database
 * @returns {Promise<Storage | NoStorage>}
 */
export async function openStorage(name) {
  if (!name || !globalThis.indexedDB || !globalThis.navigator?.locks) {
    return new NoStorage();
  }
  let slot, db;
  try {
    slot = await takeSlot(name);
    db = await openDatabase(name);
    const storage = new Storage(db, slot);
    await storage.load();
    return storage;
  } catch {
    db?.close();
    slot?.release();
    return new NoStorage();
  }
}

/**
 * Takes the first free slot.
 *
 * @param {string} name
 * @returns {Promise<Slot>}
 */
async function takeSlot(name) {
  for (let number = 0; number < maxSlots; number++) {
    const release = await tryLock(`kadmesh ${name} ${number}`);
    if (release) {
      return { number, release };
    }
  }
  throw new Error("all slots are taken");
}

/**
 * Takes a lock. Resolves to a function that releases it; null if the lock is taken.
 *
 * @param {string} name
 * @returns {Promise<(() => void) | null>}
 */
function tryLock(name) {
  return new Promise((resolve, reject) => {
    /** @type {(lock: Lock | null) => Promise<void> | null} */
    const held = (lock) => lock && new Promise((release) => resolve(() => release()));
    navigator.locks.request(name, { ifAvailable: true }, held).then(() => resolve(null), reject);
  });
}

/**
 * @param {string} name
 * @returns {Promise<IDBDatabase>}
 */
function openDatabase(name) {
  return new Promise((resolve, reject) => {
    const open = indexedDB.open(name, 1);
    const late = setTimeout(() => {
      open.onsuccess = () => open.result.close();
      reject(new Error("the database does not open"));
    }, openFor);
    open.onupgradeneeded = () => {
      open.result.createObjectStore("identities");
      open.result.createObjectStore("records");
    };
    open.onsuccess = () => {
      clearTimeout(late);
      resolve(open.result);
    };
    open.onerror = () => reject(open.error);
  });
}

/**
 * The undamaged parts of an identity from the database.
 *
 * @param {any} kept
 * @returns {Identity}
 */
function soundIdentity({ id, contacts, resume } = {}) {
  return {
    id: typeof id === "string" ? id : "",
    contacts: Array.isArray(contacts)
      ? contacts.filter((/** @type {unknown} */ address) => typeof address === "string")
      : [],
    resume: typeof resume?.url === "string" && resume.token instanceof Uint8Array ? resume : null,
  };
}

/** @param {any} record from the database */
function isSound({ key, value, published, ttl, cached, version = 1, deleted = false }) {
  return (
    typeof key === "string" &&
    value instanceof Uint8Array &&
    Number.isSafeInteger(published) &&
    Number.isSafeInteger(ttl) &&
    typeof cached === "boolean" &&
    Number.isSafeInteger(version) &&
    typeof deleted === "boolean"
  );
}

/** The storage in a slot of a database. */
class Storage {
  /** @type {StorageState} */
  state = "kept";
  identity = soundIdentity();
  /** @type {KeptRecord[]} */
  records = [];
  #db;
  #slot;
  /** @type {Map<string, Write>} */
  #writes = new Map(); // planned, by subject
  /** @type {Set<string>} */
  #unkept = new Set(); // subjects of failed writes: they are in memory only
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #writing = Promise.resolve();

  /**
   * @param {IDBDatabase} db
   * @param {Slot} slot
   */
  constructor(db, slot) {
    this.#db = db;
    this.#slot = slot;
    db.onversionchange = () => db.close();
  }

  async load() {
    const n = this.#slot.number;
    const t = this.#db.transaction(["identities", "records"]);
    const [identity, records] = await Promise.all([
      result(t.objectStore("identities").get(n)),
      result(t.objectStore("records").getAll(IDBKeyRange.bound([n], [n, []]))),
    ]);
    this.identity = soundIdentity(identity ?? {});
    this.records = records.filter((record) => record && isSound(record));
  }

  /**
   * Changes the identity.
   *
   * @param {Partial<Identity>} change
   */
  remember(change) {
    Object.assign(this.identity, change);
    const copy = { ...this.identity };
    this.#write("identity", (t) => t.objectStore("identities").put(copy, this.#slot.number));
  }

  /** @param {KeptRecord} record */
  save(record) {
    this.#write(record.key, (t) => t.objectStore("records").put(record, [this.#slot.number, record.key]));
  }

  /** @param {string} key */
  remove(key) {
    this.#write(key, (t) => t.objectStore("records").delete([this.#slot.number, key]), true);
  }

  /**
   * Plans a write, in place of an earlier write with the same subject.
   *
   * @param {string} subject
   * @param {Write["change"]} change
   */
  #write(subject, change, removes = false) {
    this.#writes.set(subject, { subject, change, removes });
    this.#timer ||= setTimeout(() => this.flush(), gatherFor);
  }

  /** Makes the planned writes. */
  flush() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const writes = [...this.#writes.values()];
    this.#writes.clear();
    if (writes.length) {
      this.#writing = this.#writing.then(() => this.#commit(writes));
    }
    return this.#writing;
  }

  /**
   * Makes writes in one transaction. If that fails, each write gets a transaction of its
   * own, so that a record too large for the disk takes no others with it. Writes that make
   * room come first.
   *
   * @param {Write[]} writes
   */
  async #commit(writes) {
    if ((await this.#attempt(writes)) || writes.length === 1) {
      return;
    }
    for (const write of writes.sort((a, b) => Number(b.removes) - Number(a.removes))) {
      await this.#attempt([write]);
    }
  }

  /**
   * Makes all of the writes, or none. Resolves to whether it did.
   *
   * @param {Write[]} writes
   */
  async #attempt(writes) {
    try {
      const t = this.#db.transaction(["identities", "records"], "readwrite");
      /** @type {Promise<void>} */
      const done = new Promise((resolve, reject) => {
        t.oncomplete = () => resolve();
        t.onabort = () => reject(t.error);
      });
      writes.forEach(({ change }) => change(t));
      await done;
      writes.forEach(({ subject }) => this.#unkept.delete(subject));
      if (!this.#unkept.size) {
        this.state = "kept";
      }
      return true;
    } catch (error) {
      for (const { subject, removes } of writes) {
        if (removes) {
          this.#unkept.delete(subject);
        } else {
          this.#unkept.add(subject);
        }
      }
      this.state = /** @type {any} */ (error)?.name === "QuotaExceededError" ? "full" : "memory";
      return false;
    }
  }

  async close() {
    await this.flush();
    this.#db.close();
    this.#slot.release();
  }
}

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
function result(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
