import { createServer, type AddressInfo, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { serveQdrant } from "../fixtures/qdrant-server/serve.mjs";
import { indexRows, unit } from "../fixtures/conformance/material.ts";
import { openQdrantIndex, removeQdrantIndex, type QdrantIndexOptions } from "./index.ts";

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function serve(options: Parameters<typeof serveQdrant>[0] = {}): Promise<string> {
  const server = await serveQdrant(options);
  closers.push(server.close);
  return server.url;
}

const shape = { collection: "pictures", dim: 2, fields: { folder: "string", year: "number" } } as const;
const openAt = (url: string, more: Partial<QdrantIndexOptions> = {}): ReturnType<typeof openQdrantIndex> =>
  openQdrantIndex({ ...shape, url, ...more });

/** RFC 9562, version 8, of the SHA-256 of "a": ca978112ca1bbdcafac231b39a23dc4d... (FIPS 180-4's test vectors). */
const uuidOfA = "ca978112-ca1b-8dca-bac2-31b39a23dc4d";

test("sends what Qdrant's API document describes", async () => {
  const lines: [string, unknown][] = [];
  const index = await openAt(await serve({ onRequest: (line, body) => lines.push([line, body]) }));
  expect(lines).toEqual([
    ["GET /collections/pictures/exists", undefined],
    [
      "PUT /collections/pictures",
      { vectors: { size: 2, distance: "Cosine" }, metadata: { "clip-ts": { fields: shape.fields } } },
    ],
    ["GET /collections/pictures", undefined],
    ["GET /collections/pictures", undefined],
    ["PUT /collections/pictures/index?wait=true", { field_name: "folder", field_schema: "keyword" }],
    ["PUT /collections/pictures/index?wait=true", { field_name: "_folder_begins", field_schema: "keyword" }],
    ["PUT /collections/pictures/index?wait=true", { field_name: "year", field_schema: "float" }],
  ]);
  lines.length = 0;
  await index.add(indexRows([{ id: "a", vector: unit([3, 4]), fields: { folder: "ab/c", year: null } }], 2));
  await index.search(unit([1, 0]), {
    count: 1,
    isExact: true,
    filter: [
      { field: "folder", is: "starts-with", value: "ab/" },
      { field: "year", is: "not-equal", value: 1.5 },
      { field: "folder", is: "one-of", values: ["x", "ab/c"] },
    ],
  });
  await index.get(["a"], { withVectors: true });
  await index.remove(["a"]);
  expect(lines).toEqual([
    [
      "PUT /collections/pictures/points?wait=true",
      {
        points: [
          {
            id: uuidOfA,
            vector: [0.600000024, 0.800000012],
            payload: { id: "a", folder: "ab/c", _folder_begins: ["a", "ab", "ab/c", "ab/"] },
          },
        ],
      },
    ],
    [
      "POST /collections/pictures/points/query",
      {
        query: [1, 0],
        filter: {
          must: [
            { key: "_folder_begins", match: { value: "ab/" } },
            { must_not: [{ key: "year", range: { gte: 1.5, lte: 1.5 } }] },
            {
              should: [
                { key: "folder", match: { value: "x" } },
                { key: "folder", match: { value: "ab/c" } },
              ],
            },
          ],
        },
        limit: 5,
        params: { exact: true },
        with_payload: ["id", "folder", "year"],
        with_vector: false,
      },
    ],
    [
      "POST /collections/pictures/points",
      { ids: [uuidOfA], with_payload: ["id", "folder", "year"], with_vector: true },
    ],
    ["POST /collections/pictures/points/delete?wait=true", { points: [uuidOfA] }],
  ]);
});

test("more rows than one request takes are sent in several", async () => {
  let upserts = 0;
  const url = await serve({ onRequest: (line) => void (line.includes("points?wait") && upserts++) });
  const index = await openAt(url, { dim: 512, fields: {} });
  const vector = unit(Array.from({ length: 512 }, (_, at) => at + 1));
  await index.add(
    indexRows(
      Array.from({ length: 1500 }, (_, at) => ({ id: `${at}`, vector })),
      512,
    ),
  );
  expect(upserts).toBe(2);
  expect(await index.count()).toBe(1500);
});

test("a missing key is said", async () => {
  const url = await serve({ apiKey: "secret" });
  await expect(openAt(url)).rejects.toMatchObject({ code: "bad-data", message: expect.stringMatching(/401.*apiKey/u) });
  const index = await openAt(url, { apiKey: "secret" });
  expect(await index.count()).toBe(0);
});

test("a server that is not there is said", async () => {
  const server = await serveQdrant();
  await server.close();
  await expect(openAt(server.url)).rejects.toMatchObject({
    code: "bad-data",
    message: expect.stringMatching(/cannot be reached: ECONNREFUSED/u),
  });
  await expect(openAt("no address")).rejects.toMatchObject({ code: "bad-data" });
});

test("a server that says nothing is not waited for without end", async () => {
  const silent = createServer();
  await new Promise<void>((resolve) => void silent.listen(0, "127.0.0.1", resolve));
  closers.push(async () => new Promise((resolve) => void silent.close(() => resolve())));
  const sockets = new Set<Socket>();
  silent.on("connection", (socket) => sockets.add(socket));
  const { port } = silent.address() as AddressInfo;
  await expect(openAt(`http://127.0.0.1:${port}`, { timeoutMs: 100 })).rejects.toMatchObject({
    code: "bad-data",
    message: expect.stringMatching(/did not answer in time/u),
  });
  for (const socket of sockets) socket.destroy();
});

test("a collection that clip-ts did not make is left alone", async () => {
  const url = await serve();
  const made = await fetch(`${url}/collections/pictures`, {
    method: "PUT",
    body: JSON.stringify({ vectors: { size: 2, distance: "Cosine" }, metadata: {} }),
  });
  expect(made.status).toBe(200);
  await expect(openAt(url)).rejects.toMatchObject({
    code: "bad-argument",
    message: expect.stringMatching(/not made by clip-ts/u),
  });
});

test("two openings at once make one collection", async () => {
  const url = await serve();
  const [one, two] = await Promise.all([openAt(url), openAt(url)]);
  await one.add(indexRows([{ id: "a", vector: unit([1, 2]) }], 2));
  expect(await two.count()).toBe(1);
});

test("indexes that a killed opening did not make are made later", async () => {
  const lines: string[] = [];
  const url = await serve({ onRequest: (line) => lines.push(line) });
  await fetch(`${url}/collections/pictures`, {
    method: "PUT",
    body: JSON.stringify({
      vectors: { size: 2, distance: "Cosine" },
      metadata: { "clip-ts": { fields: shape.fields } },
    }),
  });
  const index = await openAt(url);
  expect(lines.filter((line) => line.includes("/index"))).toHaveLength(3);
  expect(await index.count([{ field: "year", is: "less", value: 3 }])).toBe(0);
});

test("a whole number beyond 2^53 comes back as a number", async () => {
  const index = await openAt(await serve());
  const year = 2 ** 60;
  await index.add(indexRows([{ id: "a", vector: unit([1, 2]), fields: { year } }], 2));
  expect((await index.get(["a"]))[0]?.fields["year"]).toBe(year);
});

test("a collection is removed with all its rows; one that is not there is passed over", async () => {
  const url = await serve();
  const index = await openAt(url);
  await index.add(indexRows([{ id: "a", vector: unit([1, 2]) }], 2));
  await removeQdrantIndex({ url, collection: shape.collection });
  await removeQdrantIndex({ url, collection: shape.collection });
  expect(await (await openAt(url)).count()).toBe(0);
});
