import { mkdir, readdir, readFile, rm, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { growFile } from "./growing-file.ts";

let folder = "";
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), "growing-"))));
afterEach(() => rm(folder, { recursive: true }));

test("a file appears once it is whole, its head last", async () => {
  const path = join(folder, "a.bin");
  const file = await growFile(path);
  await file.append(Buffer.from("--"));
  await file.append(Buffer.from("cd"));
  expect(await readdir(folder)).toEqual(["a.bin.partial"]);
  await file.finish(Buffer.from("ab"));
  await file.discard();
  expect(await readFile(path, "utf8")).toBe("abcd");
  expect(await readdir(folder)).toEqual(["a.bin"]);
});

test("what is given up leaves nothing, also where it could not be moved to its place", async () => {
  const given = await growFile(join(folder, "a.bin"));
  await given.append(Buffer.from("a"));
  await given.discard();
  expect(await readdir(folder)).toEqual([]);
  await mkdir(join(folder, "taken", "inside"), { recursive: true });
  const stopped = await growFile(join(folder, "taken"));
  await expect(stopped.finish()).rejects.toMatchObject({ code: "not-written" });
  await stopped.discard();
  expect(await readdir(folder)).toEqual(["taken"]);
});
