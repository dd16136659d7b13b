// What a node keeps for its next start, in IndexedDB: who it is, whom it knows,
// what it holds for others. Each tab of an origin that is open at the same time
// has a slot of its own; a lock that the browser releases when the tab goes says
// which slots are taken.

/** How long writes are gathered before they are made together, in milliseconds. */
const gatherFor = 250;

/** After how long a database that does not open is done without, in milliseconds. */
const openFor = 4000;

/** More tabs than this share nothing, and keep nothing. */
const maxSlots = 256;

/** What there is without a database, or when it cannot be used. */
export class NoStorage {
  state = "memory";
  identity = soundIdentity();
  records = [];
  remember() {}
  save() {}
  remove() {}
  async close() {}
}

/**
 * Opens the database of that name and takes the first free slot in it. Gives
 * NoStorage where that is impossible: some private windows, pages that are not
 * secure contexts.
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

/** Takes the first slot that no other tab has. */
async function takeSlot(name) {
  for (let number = 0; number < maxSlots; number++) {
    const release = await tryLock(`kadmesh ${name} ${number}`);
    if (release) {
      return { number, release };
    }
  }
  throw new Error("all slots are taken");
}

/** Takes a lock if it is free, and gives a function that releases it; else null. */
function tryLock(name) {
  return new Promise((resolve, reject) => {
    const held = (lock) => lock && new Promise((release) => resolve(release));
    navigator.locks.request(name, { ifAvailable: true }, held).then(() => resolve(null), reject);
  });
}

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

/** What is not damaged of an identity that was kept, if one was. */
function soundIdentity({ id, contacts, resume } = {}) {
  return {
    id: typeof id === "string" ? id : "",
    contacts: Array.isArray(contacts) ? contacts.filter((address) => typeof address === "string") : [],
    resume: typeof resume?.url === "string" && resume.token instanceof Uint8Array ? resume : null,
  };
}

function isSound({ key, value, published, ttl, cached }) {
  return (
    typeof key === "string" &&
    value instanceof Uint8Array &&
    Number.isSafeInteger(published) &&
    Number.isSafeInteger(ttl) &&
    typeof cached === "boolean"
  );
}

class Storage {
  state = "kept";
  identity = soundIdentity();
  records = [];

  constructor(db, slot) {
    this.db = db;
    this.slot = slot;
    this.writes = new Map(); // by what they are about: { what, change, removes }
    this.unkept = new Set(); // what is kept in memory only, until a later write about it is made
    this.timer = 0;
    this.writing = Promise.resolve();
    db.onversionchange = () => db.close();
  }

  async load() {
    const n = this.slot.number;
    const t = this.db.transaction(["identities", "records"]);
    const [identity, records] = await Promise.all([
      result(t.objectStore("identities").get(n)),
      result(t.objectStore("records").getAll(IDBKeyRange.bound([n], [n, []]))),
    ]);
    this.identity = soundIdentity(identity ?? {});
    this.records = records.filter((record) => record && isSound(record));
  }

  /** Changes the identity. */
  remember(change) {
    Object.assign(this.identity, change);
    const copy = { ...this.identity };
    this.write("identity", (t) => t.objectStore("identities").put(copy, this.slot.number));
  }

  /** Keeps a record, which has its key in it. */
  save(record) {
    this.write(record.key, (t) => t.objectStore("records").put(record, [this.slot.number, record.key]));
  }

  remove(key) {
    this.write(key, (t) => t.objectStore("records").delete([this.slot.number, key]), true);
  }

  /** Plans a write, a function of a transaction, in place of an earlier one about the same thing. */
  write(what, change, removes = false) {
    this.writes.set(what, { what, change, removes });
    this.timer ||= setTimeout(() => this.flush(), gatherFor);
  }

  flush() {
    clearTimeout(this.timer);
    this.timer = 0;
    const writes = [...this.writes.values()];
    this.writes.clear();
    if (writes.length) {
      this.writing = this.writing.then(() => this.commit(writes));
    }
    return this.writing;
  }

  /**
   * Makes writes in one transaction; if that fails, each in one of its own, since what is
   * too large for the disk should not take the others with it, and first what makes room.
   */
  async commit(writes) {
    if ((await this.attempt(writes)) || writes.length === 1) {
      return;
    }
    for (const write of writes.sort((a, b) => b.removes - a.removes)) {
      await this.attempt([write]);
    }
  }

  /** Makes all of the writes, or none; returns whether it has. */
  async attempt(writes) {
    try {
      const t = this.db.transaction(["identities", "records"], "readwrite");
      const done = new Promise((resolve, reject) => {
        t.oncomplete = resolve;
        t.onabort = () => reject(t.error);
      });
      writes.forEach(({ change }) => change(t));
      await done;
      writes.forEach(({ what }) => this.unkept.delete(what));
      if (!this.unkept.size) {
        this.state = "kept";
      }
      return true;
    } catch (error) {
      writes.forEach(({ what, removes }) => (removes ? this.unkept.delete(what) : this.unkept.add(what)));
      this.state = error?.name === "QuotaExceededError" ? "full" : "memory";
      return false;
    }
  }

  async close() {
    await this.flush();
    this.db.close();
    this.slot.release();
  }
}

function result(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
