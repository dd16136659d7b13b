// In a page: runs a test binary of Go. Its output goes to the console. It can read
// files, an object of text by path, and no others. Only the calls that package os needs
// for that are here: all others are an error, as wasm_exec.js has it.

/** Runs the binary at url: its exit status. */
export async function runTests(url, args, files) {
  Object.assign(globalThis.fs, readOnly(files), {
    // As on Linux. Without them, package os takes this for Windows.
    constants: { O_WRONLY: 1, O_RDWR: 2, O_CREAT: 64, O_EXCL: 128, O_TRUNC: 512, O_APPEND: 1024, O_DIRECTORY: 65536 },
  });
  globalThis.process.cwd = () => "/core";
  const go = new Go();
  go.argv = ["core.test", ...args];
  let status = 0;
  go.exit = (code) => (status = code);
  const { instance } = await WebAssembly.instantiateStreaming(fetch(url), go.importObject);
  await go.run(instance);
  return status;
}

function readOnly(files) {
  const encoder = new TextEncoder();
  const content = new Map(Object.entries(files).map(([path, text]) => [`/core/${path}`, encoder.encode(text)]));
  const dirs = new Map([["/core", new Set()]]);
  for (const path of content.keys()) {
    const parts = path.split("/");
    for (let i = parts.length - 1; i > 1; i--) {
      const dir = parts.slice(0, i).join("/");
      dirs.set(dir, (dirs.get(dir) ?? new Set()).add(parts[i]));
    }
  }
  const open = new Map(); // by descriptor: { path, at }
  let last = 100;
  const full = (path) => (path.startsWith("/") ? path : `/core/${path}`).replace(/\/$/, "");
  const fail = (code) => Object.assign(new Error(code), { code });
  const answer =
    (f) =>
    (...args) => {
      const callback = args.pop();
      let result;
      try {
        result = f(...args);
      } catch (error) {
        callback(error);
        return;
      }
      callback(null, result);
    };
  const stat = (path) => {
    const dir = dirs.has(full(path));
    if (!dir && !content.has(full(path))) {
      throw fail("ENOENT");
    }
    return {
      dev: 0,
      ino: 0,
      nlink: 1,
      uid: 0,
      gid: 0,
      rdev: 0,
      blksize: 4096,
      blocks: 0,
      mode: dir ? 0o040555 : 0o100444,
      size: dir ? 0 : content.get(full(path)).length,
      atimeMs: 0,
      mtimeMs: 0,
      ctimeMs: 0,
      isDirectory: () => dir,
    };
  };
  return {
    stat: answer(stat),
    lstat: answer(stat),
    open: answer((path) => {
      stat(path);
      open.set(++last, { path: full(path), at: 0 });
      return last;
    }),
    fstat: answer((fd) => stat(open.get(fd).path)),
    close: answer((fd) => void open.delete(fd)),
    readdir: answer((path) => [...(dirs.get(full(path)) ?? [])]),
    read: answer((fd, buffer, offset, length, position) => {
      const file = open.get(fd);
      const from = position ?? file.at;
      const part = content.get(file.path).subarray(from, from + length);
      buffer.set(part, offset);
      file.at = from + part.length;
      return part.length;
    }),
  };
}
