import { mkdtempSync, readdirSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createRangeReader, mostBytes } from "./read-range.ts";

const folder = mkdtempSync(join(tmpdir(), "ranges-"));
afterAll(() => rmSync(folder, { recursive: true }));

function files(count: number): string[] {
  return Array.from({ length: count }, (_, number) => {
    const path = join(folder, `${number}.bin`);
    writeFileSync(
      path,
      Uint8Array.from({ length: 100 }, (_, byte) => number + byte),
    );
    return path;
  });
}

const openFiles = (): number => readdirSync("/proc/self/fd").length;

const seesFiles = process.platform === "linux"; // which lists the open files

test.skipIf(!seesFiles)("parts of many files are read, of which few stay open", () => {
  const paths = files(12);
  const before = openFiles();
  const reader = createRangeReader(3);
  for (const round of [0, 1]) {
    for (const [number, path] of paths.entries()) {
      const bytes = reader.read({ path, offset: 10 + round, length: 3 });
      expect([...bytes]).toEqual([10, 11, 12].map((byte) => number + byte + round));
    }
    expect(openFiles() - before).toBe(3);
  }
  unlinkSync(paths.at(-1)!); // it is open, and read all the same
  expect(reader.read({ path: paths.at(-1)!, offset: 0, length: 1 })).toHaveLength(1);
  reader.close();
  expect(openFiles()).toBe(before);
  expect(reader.read({ path: paths[0]!, offset: 0, length: 0 })).toHaveLength(0);
  reader.close();
});

test("a part beyond the end, one that is too long and a file that is not there are refused", () => {
  const [path = ""] = files(1);
  const reader = createRangeReader();
  expect(() => reader.read({ path, offset: 90, length: 11 })).toThrow("ends before byte 101");
  expect(() => reader.read({ path, offset: 0, length: mostBytes + 1 })).toThrow("more than the");
  expect(() => reader.read({ path: `${path}.none`, offset: 0, length: 1 })).toThrow("ENOENT");
  reader.close();
});
