import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fileAccess } from "./list-images.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "clip-ts-files-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("data sources see files and folders, through links as well", async () => {
  const tree = join(folder, "tree");
  await mkdir(join(tree, "cats"), { recursive: true });
  await writeFile(join(tree, "one.txt"), "a cat");
  await symlink(join(tree, "cats"), join(tree, "linked"), "junction");
  await symlink(join(tree, "nowhere"), join(tree, "dangling"), "junction");
  const entries = await fileAccess.list(tree);
  expect(Object.fromEntries(entries.map(({ name, isDirectory }) => [name, isDirectory]))).toEqual({
    cats: true,
    linked: true,
    dangling: false,
    "one.txt": false,
  });
  expect(Buffer.from(await fileAccess.read(join(tree, "one.txt"))).toString()).toBe("a cat");
});
