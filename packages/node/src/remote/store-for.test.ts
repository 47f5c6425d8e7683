import { rm } from "node:fs/promises";
import { inspect } from "node:util";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  newCache,
  noStore,
  quick,
  shard,
  startFaultServer,
  tryHold,
  type FaultServer,
} from "./fixtures/fault-server.ts";
import { hubAddress, shownPlace } from "./places.ts";
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

test("paths and file: addresses go to the local store", async () => {
  for (const path of ["/data/00000.tar", "shards/0.tar", "C:\\data\\0.tar"]) {
    await expect(store.hold(path)).rejects.toThrow(`local: ${path}`);
  }
  await expect(store.hold("file:///data/a%20b.tar")).rejects.toThrow("local: /data/a b.tar");
  expect(await store.list("/data")).toEqual(["local: /data"]);
});

test.each([
  [
    "pipe:aws s3 cp s3://bucket/cc12m/{00000..01242}.tar -",
    /^pipe:aws …: .*Write s3:\/\/bucket\/cc12m\/\{00000\.\.01242\}\.tar:/u,
  ],
  ["pipe:curl -s -L https://user:secret@host/0.tar?sig=secret", /Write https:\/\/host\/0\.tar:/u],
  ["pipe:gsutil cat gs://bucket/0.tar", /Write https:\/\/storage\.googleapis\.com\/bucket\/0\.tar:/u],
  ["pipe:./make-shards --secret", /Write the path/u],
  ["gs://bucket/0.tar", /write https:\/\/storage\.googleapis\.com\/bucket\/0\.tar.*endpoint/u],
  ["az://box/0.tar", /expected a path, or an address that begins with/u],
])("%s is refused with what to write instead", async (place, message) => {
  const error: unknown = await store.hold(place).catch((failure: unknown) => failure);
  expect(error).toMatchObject({ code: "unsupported", message: expect.stringMatching(message) });
  expect(inspect(error)).not.toContain("secret");
});

test.each([
  ["https://me:secret@host/a/0.tar?X-Amz-Signature=secret#x", "https://host/a/0.tar"],
  ["http://host/0.tar", "http://host/0.tar"],
  ["s3://key:secret@bucket/what?is.tar", "s3://bucket/what?is.tar"],
  ["/data/a?b@c.tar", "/data/a?b@c.tar"],
])("%s is shown as %s", (place, shown) => {
  expect(shownPlace(place)).toBe(shown);
});

test("user and password go to the server, to no other, and into no message", async () => {
  const other = await startFaultServer();
  server.intercept = () => (_request, response) =>
    void response.writeHead(302, { location: `${other.origin}/elsewhere` }).end();
  const place = `${server.origin.replace("//", "//me:se%3Acret@")}/0.tar?signature=s3cret`;
  expect(await tryHold(store, place)).toBe("equal");
  const basic = `Basic ${Buffer.from("me:se:cret").toString("base64")}`;
  expect(server.sent.map(({ headers }) => headers.authorization)).toEqual([basic, basic]);
  expect(other.sent.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
  await other.close();
  for (const status of [403, 500, 200]) {
    server.intercept = () => (_request, response) => void response.writeHead(status).end("?");
    const error: unknown = await store.hold(place.replace("0.tar", "1.tar")).catch((failure: unknown) => failure);
    expect(error).toBeInstanceOf(Error);
    expect(inspect(error, { depth: 10 })).not.toMatch(/s3cret|cret@|bWU6c2U/u);
  }
});

test("headers of an origin go there", async () => {
  const headers = { [server.origin]: { authorization: "Bearer token" } };
  const signed = storeFor(noStore, { ...quick, cacheFolder, headers });
  expect(await tryHold(signed, `${server.origin}/0.tar`)).toBe("equal");
  expect(server.sent.map(({ headers }) => headers.authorization)).toEqual(["Bearer token", "Bearer token"]);
  await signed.close();
});

test("an address that was signed anew is found in the cache", async () => {
  const signed = (signature: string): string =>
    `${server.origin}/0.tar?part=1&X-Amz-Date=${signature}&X-Amz-Signature=${signature}`;
  expect(await tryHold(store, signed("a"))).toBe("equal");
  expect(await tryHold(store, signed("b"))).toBe("equal");
  expect(await tryHold(store, signed("b").replace("part=1", "part=2"))).toBe("equal");
  expect(store.counts).toMatchObject({ fetched: 2, found: 1 });
});

test("facts come by GET where HEAD is refused, as by addresses that are signed for GET", async () => {
  server.intercept = ({ method }) =>
    method === "HEAD" ? (_, response) => void response.writeHead(403).end() : undefined;
  expect(await store.facts(`${server.origin}/0.tar`)).toEqual({ bytes: shard.byteLength, version: '"v1"' });
  expect(server.requests).toEqual(["HEAD /0.tar", "GET /0.tar bytes=0-0"]);
});

test("small files are read, packed or not, and no further than they may", async () => {
  const text = new TextEncoder().encode('{"00000.tar": 10000}');
  server.content = text;
  expect(await store.readSmall(`${server.origin}/sizes.json`, 100)).toEqual(text);
  await expect(store.readSmall(`${server.origin}/sizes.json`, 5)).rejects.toThrow("more than the 5 bytes");
  const bomb = gzipSync(Buffer.alloc(50_000_000));
  server.intercept = () => (_request, response) =>
    void response.writeHead(200, { "content-encoding": "gzip" }).end(bomb);
  await expect(store.readSmall(`${server.origin}/sizes.json`, 100_000)).rejects.toThrow("more than the 100000 bytes");
  server.intercept = () => (_request, response) =>
    void response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(text));
  expect(await store.readSmall(`${server.origin}/sizes.json`, 100)).toEqual(text);
  server.intercept = () => (_request, response) => void response.writeHead(404).end();
  expect(await store.readSmall(`${server.origin}/sizes.json`, 100)).toBeUndefined();
});

test("a small file that ends when the connection does could be cut, and is refused", async () => {
  server.intercept =
    () =>
    ({ socket }) =>
      void socket.end("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}");
  await expect(store.readSmall(`${server.origin}/sizes.json`, 100)).rejects.toThrow("a cut could not be told");
});

test("web servers cannot list", async () => {
  await expect(store.list(`${server.origin}/set/`)).rejects.toThrow("Name the files");
});

test("places of the hub are addresses of its files", () => {
  const at = (place: string): string => hubAddress(place, "https://hub");
  expect(at("hf://datasets/me/set/data/0 1.tar")).toBe("https://hub/datasets/me/set/resolve/main/data/0%201.tar");
  expect(at("hf://datasets/me/set@v1/0.tar")).toBe("https://hub/datasets/me/set/resolve/v1/0.tar");
  expect(() => at("hf://me")).toThrow("expected hf://datasets/owner/name/path");
});
