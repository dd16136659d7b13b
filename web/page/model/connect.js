// From a node of the module to a stream of events: what it tells by itself, and
// what has to be asked for, no more often than anybody looks.

/** The module's events, as they are. */
const events = ["relay", "contact", "request", "lookup", "served", "record", "path", "stopped"];

/** How often what may have changed is asked for, in milliseconds. */
const tableEvery = 300;
const recordsEvery = 1000;
const statsEvery = 1000;
/** And all of it, whether or not anything was heard; hidden, only that, and rarer. */
const allEvery = 5000;
const hiddenEvery = 15_000;

/** How many records are asked for: of more, nobody would read the list. */
const maxRecords = 100;

/** Lets a node's events flow into a stream. Returns a function that ends that. */
export function connect(node, stream) {
  const table = poll(tableEvery, async () =>
    stream.emit("table", { entries: await node.table(), at: performance.now() }),
  );
  const records = poll(recordsEvery, async () =>
    stream.emit("records", { records: await node.records({ limit: maxRecords }), at: performance.now() }),
  );
  const stats = poll(statsEvery, async () =>
    stream.emit("stats", { stats: await node.stats(), at: performance.now() }),
  );
  const offs = events.map((type) => node.on(type, (event) => stream.emit(type, event)));
  const paths = poll(
    tableEvery,
    async () => node.direct === "relay-only" || stream.emit("paths", { peers: await node.paths() }),
  );
  offs.push(
    node.on("contact", table.ask),
    node.on("record", records.ask),
    node.on("path", table.ask),
    node.on("path", paths.ask),
  );
  stream.emit("relay", node.relay);
  const all = () => {
    table.ask();
    records.ask();
  };
  let lastHidden = 0;
  const tick = setInterval(() => {
    if (!document.hidden) {
      stats.ask();
      paths.ask();
    } else if (performance.now() - lastHidden > hiddenEvery) {
      lastHidden = performance.now();
      stats.ask();
    }
  }, statsEvery);
  const slow = setInterval(() => document.hidden || all(), allEvery);
  const back = () => document.hidden || (all(), stats.ask(), paths.ask());
  document.addEventListener("visibilitychange", back);
  back();
  return () => {
    offs.forEach((off) => off());
    clearInterval(tick);
    clearInterval(slow);
    document.removeEventListener("visibilitychange", back);
    [table, records, stats, paths].forEach((p) => p.end());
  };
}

/**
 * Calls ask once for any number of wishes within so many milliseconds, never while
 * the last call is under way, and not for a hidden page that changes all the time.
 */
function poll(every, ask) {
  let timer = 0;
  let busy = false;
  let wanted = false;
  let ended = false;
  let last = -Infinity;
  const run = async () => {
    timer = 0;
    wanted = false;
    busy = true;
    last = performance.now();
    try {
      await ask();
    } catch {
      // The node has stopped, which it tells by itself.
    }
    busy = false;
    if (wanted) {
      wish();
    }
  };
  const wish = () => {
    wanted = true;
    if (busy || timer || ended) {
      return;
    }
    const wait = document.hidden ? Math.max(every, allEvery) : every;
    timer = setTimeout(() => ended || run(), Math.max(0, last + wait - performance.now()));
  };
  return {
    ask: wish,
    end() {
      ended = true;
      clearTimeout(timer);
    },
  };
}
