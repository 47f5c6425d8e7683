import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { folderFiles } from "./folder-files.ts";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "clip-ts-folder-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

test("files are written, read, listed and removed by name, in a folder that is made", async () => {
  const files = await folderFiles(join(root, "a", "b"));
  expect(await files.list()).toEqual([]);
  expect(await files.read("rows.bin")).toBeUndefined();
  await files.write("rows.bin", [bytes(1, 2), bytes(), bytes(3)]);
  await files.write("empty", []);
  expect(await files.read("rows.bin")).toEqual(Buffer.from([1, 2, 3]));
  expect(await files.read("empty")).toHaveLength(0);
  await files.write("rows.bin", [bytes(4)]);
  const again = await folderFiles(join(root, "a", "b"));
  expect(await again.read("rows.bin")).toEqual(Buffer.from([4]));
  expect((await again.list()).toSorted()).toEqual(["empty", "rows.bin"]);
  await files.remove("rows.bin");
  await files.remove("rows.bin");
  expect(await again.list()).toEqual(["empty"]);
});

test("names that lead elsewhere or stand for a half written file are refused", async () => {
  const files = await folderFiles(join(root, "names"));
  for (const name of ["", ".", "..", "../a", "a/b", "a\\b", "/etc/passwd", ".hidden", "a\0", "ü", "a.partial", "C:a"]) {
    const refused = { code: "bad-argument" };
    await expect(files.read(name), name).rejects.toMatchObject(refused);
    await expect(files.write(name, [bytes(1)]), name).rejects.toMatchObject(refused);
    await expect(files.remove(name), name).rejects.toMatchObject(refused);
  }
  expect(await readdir(join(root, "names"))).toEqual([]);
});

test("what was left half written is removed; folders are no files", async () => {
  const folder = join(root, "left");
  await mkdir(join(folder, "sub.partial"), { recursive: true });
  await writeFile(join(folder, "rows.bin.partial"), "half");
  await writeFile(join(folder, "rows.bin"), "whole");
  const files = await folderFiles(folder);
  expect(await files.list()).toEqual(["rows.bin"]);
  expect((await readdir(folder)).toSorted()).toEqual(["rows.bin", "sub.partial"]);
});

test("a write that fails half way leaves what was there", async () => {
  const files = await folderFiles(join(root, "half"));
  await files.write("rows.bin", [bytes(1)]);
  const failing = function* (): Generator<Uint8Array> {
    yield bytes(2);
    throw new Error("no more");
  };
  await expect(files.write("rows.bin", failing())).rejects.toThrow("no more");
  expect(await files.read("rows.bin")).toEqual(Buffer.from([1]));
  expect(await readdir(join(root, "half"))).toEqual(["rows.bin"]);
});

test("a folder that cannot be made or written is named", async () => {
  const file = join(root, "file");
  await writeFile(file, "");
  await expect(folderFiles(join(file, "x"))).rejects.toMatchObject({
    code: "not-written",
    message: expect.stringContaining(join(file, "x")) as string,
  });
  if (process.getuid?.() === 0) return; // root writes anywhere
  const folder = join(root, "locked");
  const files = await folderFiles(folder);
  await chmod(folder, 0o500);
  await expect(files.write("rows.bin", [bytes(1)])).rejects.toMatchObject({ code: "not-written" });
  await chmod(folder, 0o700);
});
