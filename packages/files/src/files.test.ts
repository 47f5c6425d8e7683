import { existsSync } from "node:fs";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openFile, readJson, writeFileWhole, writeJson } from "./files.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "clip-ts-files-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("a file is read in pieces, and short at its end", async () => {
  const path = join(folder, "ten.bin");
  await writeFile(
    path,
    Uint8Array.from({ length: 10 }, (_, index) => index),
  );
  const file = await openFile(path);
  expect(file.size).toBe(10);
  expect(await file.read(3, 4)).toEqual(Uint8Array.of(3, 4, 5, 6));
  expect(await file.read(0, 2)).toEqual(Uint8Array.of(0, 1));
  expect(await file.read(8, 5)).toEqual(Uint8Array.of(8, 9));
  expect(await file.read(10, 1)).toEqual(Uint8Array.of());
  await file.close();
  await expect(file.read(0, 1)).rejects.toThrow(/closed/);
});

test("a file that is not there is an error that names it", async () => {
  const path = join(folder, "missing.bin");
  const error = { code: "not-found", data: { path } };
  await expect(openFile(path)).rejects.toMatchObject(error);
  await expect(openFile(path)).rejects.toThrow(`${path} cannot be opened: there is no such file.`);
  await expect(readJson(path)).rejects.toMatchObject(error);
  await expect(readJson(path)).rejects.toThrow(`${path} cannot be read: there is no such file.`);
});

test("a folder in place of a file is told apart from a missing file", async () => {
  await expect(readJson(folder)).rejects.toThrow(/cannot be read: EISDIR/);
});

test("a file is written whole from chunks, text and streams", async () => {
  const path = join(folder, "whole.bin");
  await writeFileWhole(path, [Uint8Array.of(1, 2), Uint8Array.of(3)]);
  expect([...(await readFile(path))]).toEqual([1, 2, 3]);
  await writeFileWhole(path, "text");
  expect(await readFile(path, "utf8")).toBe("text");
  await writeFileWhole(path, []);
  expect(await readFile(path, "utf8")).toBe("");
});

test("a stream that fails leaves the old file and nothing beside it", async () => {
  const path = join(folder, "kept.bin");
  await writeFile(path, "old");
  async function* failing(): AsyncIterable<Uint8Array> {
    yield new Uint8Array(100_000);
    await Promise.resolve();
    throw new Error("the disk was pulled out");
  }
  await expect(writeFileWhole(path, failing())).rejects.toThrow("the disk was pulled out");
  expect(await readFile(path, "utf8")).toBe("old");
  expect((await readdir(folder)).filter((name) => name.endsWith(".partial"))).toEqual([]);
});

test("a file appears only when its last chunk is written", async () => {
  const path = join(folder, "late.bin");
  const seen: boolean[] = [];
  async function* watched(): AsyncIterable<Uint8Array> {
    for (let chunk = 0; chunk < 3; chunk++) {
      yield Uint8Array.of(chunk);
      await Promise.resolve();
      seen.push(existsSync(path));
    }
  }
  await writeFileWhole(path, watched());
  expect(seen).toEqual([false, false, false]);
  expect(existsSync(path)).toBe(true);
});

test("JSON comes back as it was written, and broken JSON names its file", async () => {
  const path = join(folder, "value.json");
  const value = { name: "clip", sizes: [1, 2.5], nested: { isTrue: true, none: null } };
  await writeJson(path, value);
  expect(await readJson(path)).toEqual(value);
  await writeFile(path, '{ "name": ');
  await expect(readJson(path)).rejects.toThrow(`${path} is not valid JSON: `);
  await expect(readJson(path)).rejects.toMatchObject({ code: "bad-data", data: { path } });
});
