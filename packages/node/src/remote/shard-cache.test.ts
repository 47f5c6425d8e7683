import { mkdir, readdir, readFile, rm, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { filesIn, newCache, noStore, quick, startFaultServer, type FaultServer } from "./fixtures/fault-server.ts";
import { storeFor, type EveryStore } from "./store-for.ts";

let server: FaultServer;
let cacheFolder: string;
let stores: EveryStore[];
beforeEach(async () => {
  server = await startFaultServer();
  server.content = server.content.subarray(0, 1000);
  cacheFolder = await newCache();
  stores = [];
});
afterEach(async () => {
  for (const store of stores) await store.close();
  await server.close();
  await rm(cacheFolder, { recursive: true });
});

/** A store with room for so many files of 1,000 bytes. */
function withRoomFor(files: number): EveryStore {
  const store = storeFor(noStore, { ...quick, cacheFolder, cacheBytes: files * 1000 + 500 });
  stores.push(store);
  return store;
}

const place = (index: number): string => `${server.origin}/${index}.tar`;

/** Holds a file for a moment, and lets the clock go on so that the order of use shows. */
async function use(store: EveryStore, index: number): Promise<void> {
  (await store.hold(place(index))).release();
  await new Promise((resolve) => setTimeout(resolve, 5));
}

test("what was used longest ago is dropped first", async () => {
  const store = withRoomFor(3);
  for (const index of [0, 1, 2, 0, 3]) await use(store, index);
  expect(await filesIn(cacheFolder)).toEqual(["0.tar", "2.tar", "3.tar"]);
  for (const index of [4, 5]) await use(store, index);
  expect(await filesIn(cacheFolder)).toEqual(["3.tar", "4.tar", "5.tar"]);
  expect(store.counts).toMatchObject({ fetched: 6, found: 1, dropped: 3 });
});

test("what is held stays, and where that leaves no room the error has the numbers", async () => {
  const store = withRoomFor(2);
  const first = await store.hold(place(0));
  const second = await store.hold(place(1));
  await expect(store.hold(place(2))).rejects.toMatchObject({
    code: "not-written",
    message: expect.stringMatching(
      /2\.tar has 1000 bytes, and of the 2500 bytes.*2000 bytes in 2 shards are held: let `cacheBytes` be at least 3000/u,
    ),
    data: { bytes: 1000, limit: 2500, held: 2, heldBytes: 2000 },
  });
  first.release();
  (await store.hold(place(2))).release();
  expect(await filesIn(cacheFolder)).toEqual(["1.tar", "2.tar"]);
  expect((await readFile(second.path)).byteLength).toBe(1000);
  second.release();
});

test("a file that is held twice is kept until both let go", async () => {
  const store = withRoomFor(1);
  const [first, second] = await Promise.all([store.hold(place(0)), store.hold(place(0))]);
  expect(store.counts.fetched).toBe(1);
  first.release();
  first.release();
  await expect(store.hold(place(1))).rejects.toThrow("are held");
  second.release();
  (await store.hold(place(1))).release();
});

test("two stores on one folder respect what the other holds", async () => {
  const [mine, other] = [withRoomFor(1), withRoomFor(1)];
  const held = await other.hold(place(0));
  await expect(mine.hold(place(1))).rejects.toThrow("in 1 shards are held");
  held.release();
  await use(mine, 1);
  expect(await filesIn(cacheFolder)).toEqual(["1.tar"]);
});

test("what a dead process held is let go, what one elsewhere holds once it has been silent", async () => {
  const store = withRoomFor(1);
  await use(store, 0);
  const [file = ""] = await readdir(join(cacheFolder, "files"));
  const entry = file.slice(0, 29);
  await mkdir(join(cacheFolder, "holds"), { recursive: true });
  const note = join(cacheFolder, "holds", `${entry}~elsewhere~1~x`);
  await writeFile(note, "1000");
  await expect(store.hold(place(1))).rejects.toThrow("in 1 shards are held");
  const hourAgo = new Date(Date.now() - 3_600_000);
  await utimes(note, hourAgo, hourAgo);
  await use(store, 1);
  expect(await filesIn(cacheFolder)).toEqual(["1.tar"]);
  expect(await readdir(join(cacheFolder, "holds"))).toEqual([]);
});

test("no more than two shards are on their way at once", async () => {
  const store = withRoomFor(6);
  const waiting: (() => void)[] = [];
  server.intercept = ({ method }) => {
    if (method === "HEAD") return undefined;
    return (request, response) => void waiting.push(() => server.honest(request, response));
  };
  const holding = Promise.all(Array.from({ length: 6 }, (_, index) => store.hold(place(index))));
  for (let left = 6; left > 0; left--) {
    await expect.poll(() => waiting.length).toBe(Math.min(left, 2));
    waiting.shift()?.();
  }
  for (const file of await holding) file.release();
  expect(store.counts.fetched).toBe(6);
});

test("a file in the cache that is not whole is fetched anew", async () => {
  const store = withRoomFor(2);
  const held = await store.hold(place(0));
  held.release();
  await truncate(held.path, 10);
  const again = await store.hold(place(0));
  expect(new Uint8Array(await readFile(again.path))).toEqual(server.content);
  again.release();
});

test("the time of change of what lies in the cache stays as it is used", async () => {
  const store = withRoomFor(2);
  const held = await store.hold(place(0));
  const before = (await stat(held.path)).mtimeMs;
  held.release();
  await use(store, 0);
  expect((await stat(held.path)).mtimeMs).toBe(before);
});

test("while a server is out, what it said before of what is in the cache is taken", async () => {
  const store = withRoomFor(2);
  await use(store, 0);
  server.intercept = () => (_request, response) => void response.writeHead(503).end();
  await use(store, 0);
  await expect(store.hold(place(1))).rejects.toThrow("answers 503");
});

test("an empty file is held too", async () => {
  server.content = new Uint8Array(0);
  const held = await withRoomFor(1).hold(place(0));
  expect(held.bytes).toBe(0);
  expect((await stat(held.path)).size).toBe(0);
});

test("a cache that cannot be written to, and limits that are none, are refused", async () => {
  const file = join(cacheFolder, "file");
  await writeFile(file, "");
  const store = storeFor(noStore, { ...quick, cacheFolder: file });
  stores.push(store);
  await expect(store.hold(place(0))).rejects.toThrow(/cacheFolder/u);
  expect(() => storeFor(noStore, { cacheBytes: 0 })).toThrow("cacheBytes is 0: expected a number above 0");
  expect(() => storeFor(noStore, { timeout: Number.NaN })).toThrow("timeout is NaN");
});
