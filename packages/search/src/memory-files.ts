import type { IndexFiles } from "./index-files.ts";

/** Files in memory: for tests, and where a page keeps an index no longer than itself. */
export function memoryFiles(): IndexFiles {
  const files = new Map<string, Uint8Array>();
  return {
    read: (name) => Promise.resolve(files.get(name)?.slice()),
    write(name, chunks) {
      const parts = [...chunks].map((chunk) => chunk.slice());
      const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
      let at = 0;
      for (const part of parts) {
        whole.set(part, at);
        at += part.length;
      }
      files.set(name, whole);
      return Promise.resolve();
    },
    remove(name) {
      files.delete(name);
      return Promise.resolve();
    },
    list: () => Promise.resolve([...files.keys()]),
  };
}
