import { expect, test } from "vitest";
import type { ByteSource } from "../byte-source.ts";
import { readDirectory } from "./directory.ts";
import { directoryBytes, localHeader, type StoredEntry } from "./zip.ts";

/** A file of which only the end is there; zeros stand before it. */
function endOnly(tail: Uint8Array, start: number): ByteSource {
  return {
    size: start + tail.byteLength,
    read(offset, length) {
      const bytes = new Uint8Array(length);
      const before = Math.max(0, start - offset);
      const from = Math.max(0, offset - start);
      bytes.set(tail.subarray(from, from + length - before), before);
      return Promise.resolve(bytes);
    },
  };
}

const gibi = 2 ** 30;
const entryOf = (name: string, size: number, headerOffset: number): StoredEntry => ({
  name,
  size,
  crc: 1,
  headerOffset,
});

test.each([
  ["small", [entryOf("a", 5, 0), entryOf("ä/b", 0, 40)], 100],
  ["with a large entry", [entryOf("a", 5 * gibi, 0), entryOf("b", 7, 5 * gibi + 100)], 6 * gibi],
  ["that ends beyond 4 GiB", [entryOf("a", gibi, 0), entryOf("b", 1, 3 * gibi)], 4 * gibi],
] as const)("the directory of an archive %s is read as it was written", async (_, entries, end) => {
  const directory = directoryBytes(entries, end);
  const source = endOnly(directory, end);
  const read = [...(await readDirectory(source, "large.npz")).values()];
  expect(read).toEqual(
    entries.map(({ name, size, crc: checksum, headerOffset }) => ({
      name,
      method: 0,
      checksum,
      size,
      storedSize: size,
      headerOffset,
    })),
  );
});

test("more entries than 16 bits count are listed", async () => {
  const entries = Array.from({ length: 70_000 }, (_, index) => entryOf(`${index}`, 0, index * 40));
  const end = 70_000 * 40;
  const read = await readDirectory(endOnly(directoryBytes(entries, end), end), "many.npz");
  expect(read.size).toBe(70_000);
});

test("an entry of more than 4 GiB says its size in 64 bits", () => {
  const plain = localHeader(entryOf("a", 7, 0));
  const large = localHeader(entryOf("a", 5 * gibi, 0));
  expect([plain.byteLength, large.byteLength]).toEqual([31, 51]);
  expect(new DataView(large.buffer).getBigUint64(31 + 4, true)).toBe(BigInt(5 * gibi));
});
