import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { listImages } from "./list-images.ts";

const folder = await mkdtemp(join(tmpdir(), "clip-ts-list-"));
afterAll(() => rm(folder, { recursive: true }));
await mkdir(join(folder, "b", "deep"), { recursive: true });
await mkdir(join(folder, "empty"));
for (const name of ["a.PNG", "b/deep/c.jpeg", "b/d.webp", "notes.txt", "drawing"]) {
  await writeFile(join(folder, name), "");
}

test("a folder stands for the images below it, by name; a file for itself", async () => {
  const all = ["a.PNG", "b/d.webp", "b/deep/c.jpeg"].map((name) => join(folder, name));
  expect(await listImages([folder])).toEqual(all);
  const odd = join(folder, "drawing");
  expect(await listImages([odd, join(folder, "b")])).toEqual([odd, all[1], all[2]]);
});

test("a path that is not there and a folder without images are errors that name it", async () => {
  await expect(listImages([join(folder, "gone.png")])).rejects.toThrow(/no file or folder .*gone/);
  await expect(listImages([join(folder, "empty")])).rejects.toThrow(/no image in .*empty/);
});
