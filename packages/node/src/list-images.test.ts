import { once } from "node:events";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTally, type FileAccess, leftOutLines, listFiles } from "@clip-ts/data";
import { writeLinkedFolders } from "@clip-ts/test-utils";
import { afterAll, expect, test } from "vitest";
import { fileAccess, listImages } from "./list-images.ts";

const folder = await mkdtemp(join(tmpdir(), "clip-ts-list-"));
afterAll(() => rm(folder, { recursive: true }));

/** A new folder that holds these files. */
async function folderWith(name: string, files: readonly string[]): Promise<string> {
  const root = join(folder, name);
  await mkdir(root);
  for (const path of files) {
    await mkdir(join(root, path, ".."), { recursive: true });
    await writeFile(join(root, path), "");
  }
  return root;
}

test("a folder stands for the images below it, by name; a file for itself", async () => {
  const names = ["a.PNG", "b/d.webp", "b/deep/c.jpeg", "notes.txt", "drawing"];
  const root = await folderWith("plain", names);
  const all = ["a.PNG", "b/d.webp", "b/deep/c.jpeg"].map((name) => join(root, name));
  const found = await listImages([root]);
  expect(found.images).toEqual(all);
  expect(leftOutLines(found.leftOut)).toEqual(["left out: 1 file without an ending, 1 .txt file"]);
  const odd = join(root, "drawing");
  const named = await listImages([odd, join(root, "b")]);
  expect(named).toEqual({ images: [odd, all[1], all[2]], leftOut: [] });
});

test("a path that is not there and a folder without images are errors that name it", async () => {
  const empty = await folderWith("empty", ["notes.txt"]);
  await expect(listImages([join(folder, "gone.png")])).rejects.toThrow(/no file or folder .*gone/);
  await expect(listImages([empty])).rejects.toThrow(/no image in .*empty/);
});

test("links are followed in Python's order", async () => {
  const { root, walk, samples } = writeLinkedFolders(join(folder, "linked"), new Uint8Array());
  const tally = createTally();
  expect(await listFiles(fileAccess, root, tally)).toEqual(walk);
  expect(tally.list()).toEqual([]);
  const { images } = await listImages([root]);
  expect(images.toSorted()).toEqual(samples.map(([path]) => join(root, path)).toSorted());
});

test("a loop of links is met once, from wherever the walk begins", async () => {
  const root = await folderWith("loops", ["a/1.png", "b/c/2.png"]);
  await symlink("..", join(root, "a", "up"));
  await symlink(join(root, "b"), join(root, "b", "c", "self"));
  await symlink("../b", join(root, "a", "other"));
  const { images, leftOut } = await listImages([root]);
  const expected = ["a/1.png", "a/other/c/2.png", "b/c/2.png"];
  expect(images).toEqual(expected.map((name) => join(root, name)));
  const loops = ["a/other/c/self", "a/up", "b/c/self"].map((name) => ({ name: join(root, name) }));
  expect(leftOut).toEqual([{ kind: "loop", count: 3, examples: loops }]);

  const above = await listImages([join(root, "b")]);
  expect(above.images).toEqual([join(root, "b/c/2.png")]);
  await symlink("../..", join(root, "b", "c", "far-up"));
  expect((await listImages([join(root, "b")])).leftOut[0]?.count).toBe(2);
  await rm(join(root, "b", "c", "far-up"));

  await symlink(root, join(folder, "way-in"));
  const linked = await listImages([join(folder, "way-in")]);
  expect(linked.images).toEqual(expected.map((name) => join(folder, "way-in", name)));
  expect(linked.leftOut[0]?.count).toBe(3);
});

test("hidden names, links that lead nowhere, sockets and other endings are counted", async () => {
  const names = ["a.png", "._a.png", ".DS_Store", ".cache/b.png", "b.heic", "c.HEIC", "d.json"];
  const root = await folderWith("odd", names);
  await symlink("nowhere.png", join(root, "e.png"));
  await symlink("f.png", join(root, "f.png"));
  const server = createServer().listen(join(root, "socket.png"));
  await once(server, "listening");
  const { images, leftOut } = await listImages([root]);
  server.close();
  expect(images).toEqual([join(root, "a.png")]);
  const shown = (list: readonly string[]): string => `  ${list.map((name) => join(root, name)).join(", ")}`;
  expect(leftOutLines(leftOut)).toEqual([
    "left out: 2 links that lead nowhere, 1 name that is neither file nor folder, " +
      "3 hidden files and folders, 2 .heic files, 1 .json file",
    shown(["e.png", "f.png"]),
    shown(["socket.png"]),
    shown([".DS_Store", "._a.png", ".cache"]),
  ]);
});

test("a folder below that cannot be listed is counted, as os.walk goes on without it", async () => {
  const root = await folderWith("locked", ["a.png", "shut/b.png", "c/d.png"]);
  const access: FileAccess = {
    ...fileAccess,
    list: (path) => (path.endsWith("shut") ? Promise.reject(new Error("EACCES")) : fileAccess.list(path)),
  };
  const tally = createTally();
  expect(await listFiles(access, root, tally)).toEqual(["a.png", "c/d.png"]);
  expect(leftOutLines(tally.list())).toEqual([
    "left out: 1 folder that cannot be listed",
    `  cannot list the folder ${join(root, "shut")}: EACCES`,
  ]);
  await expect(listFiles(access, join(root, "shut"), tally)).rejects.toThrow(/EACCES/);
});
