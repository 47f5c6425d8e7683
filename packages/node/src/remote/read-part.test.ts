import { rm } from "node:fs/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { newCache, noStore, quick, shard, startFaultServer, type FaultServer } from "./fixtures/fault-server.ts";
import { storeFor, type EveryStore } from "./store-for.ts";

let server: FaultServer;
let cacheFolder: string;
let store: EveryStore;
beforeEach(async () => {
  server = await startFaultServer();
  cacheFolder = await newCache();
  store = storeFor(noStore, { ...quick, cacheFolder });
});
afterEach(async () => {
  await store.close();
  await server.close();
  await rm(cacheFolder, { recursive: true });
});

const part = async (offset: number, length: number): Promise<Uint8Array | undefined> =>
  store.readPart?.(`${server.origin}/00000.tar`, offset, length);

const place = (offset: number, length: number): Uint8Array => new Uint8Array(shard.subarray(offset, offset + length));

test.each([
  [0, 40],
  [1000, 8],
  [shard.byteLength - 8, 8],
  [shard.byteLength - 8, 100],
  [shard.byteLength + 5, 10],
])("bytes from %i, %i of them, without the rest", async (offset, length) => {
  expect(await part(offset, length)).toEqual(place(offset, length));
  expect(store.counts.fetched).toBe(0);
});

test("a server that knows no ranges is read up to the part", async () => {
  server.intercept = (request) => {
    if (request.method !== "GET") return undefined;
    return (_, response) => response.writeHead(200, { "content-length": shard.byteLength }).end(shard);
  };
  expect(await part(5000, 16)).toEqual(place(5000, 16));
});

test("a part is asked for again where a connection breaks", async () => {
  let asked = 0;
  server.intercept = (request) => {
    if (request.method !== "GET" || asked++ > 1) return undefined;
    return (_, response) => response.destroy();
  };
  expect(await part(5000, 16)).toEqual(place(5000, 16));
  expect(store.counts.again).toBe(2);
});

test("a file that is not there has no part", async () => {
  server.intercept = () => (_, response) => response.writeHead(404).end();
  expect(await part(0, 4)).toBeUndefined();
});
