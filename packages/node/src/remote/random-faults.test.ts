import { readFile, rm } from "node:fs/promises";
import fc from "fast-check";
import { ClipError } from "@clip-ts/base";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  newCache,
  noStore,
  quick,
  shard,
  startFaultServer,
  startOf,
  type Answer,
  type FaultServer,
} from "./fixtures/fault-server.ts";
import { storeFor } from "./store-for.ts";

let server: FaultServer;
beforeAll(async () => {
  server = await startFaultServer();
});
afterAll(async () => {
  await server.close();
});

const content = shard.subarray(0, 100_000);

/** What a GET may meet, given a number to choose details by. */
const faults: Readonly<Record<string, (by: number) => Answer>> = {
  honest: () => server.honest,
  status: (by) => (_request, response) => void response.writeHead([429, 500, 502, 503][by % 4]!).end("no"),
  refusal: (by) => (_request, response) => void response.writeHead([400, 403, 404, 416][by % 4]!).end(),
  cut: (by) => (request, response) => {
    const start = startOf(request);
    const range = start > 0 && { "content-range": `bytes ${start}-99999/100000` };
    response.writeHead(start > 0 ? 206 : 200, { etag: '"v1"', "content-length": 100_000 - start, ...range });
    response.write(content.subarray(start, start + (by % 90_000)), () => response.destroy());
  },
  whole: () => (_request, response) => void response.writeHead(200, { etag: '"v1"' }).end(content),
  elsewhere: (by) => (_request, response) => {
    const start = by % 99_999;
    const range = `bytes ${start}-99999/100000`;
    response.writeHead(206, { etag: '"v1"', "content-range": range }).end(content.subarray(start));
  },
  other: () => (_request, response) => void response.writeHead(200, { etag: '"v2"' }).end(content.toReversed()),
  long: () => (_request, response) => void response.writeHead(200, { etag: '"v1"' }).end(shard.subarray(0, 100_001)),
  short: (by) => (_request, response) =>
    void response.writeHead(200, { etag: '"v1"' }).end(content.subarray(0, by % 100_000)),
  broken:
    (by) =>
    ({ socket }) =>
      void socket.end("HTTP/1.1 206 Partial\r\netag: x\r\n\r\n".slice(0, by % 36)),
};

const fault = fc.record({ name: fc.constantFrom(...Object.keys(faults)), by: fc.nat(1_000_000) });

test("whatever a server does in a row, the bytes are right or there is an error of ours", async () => {
  server.content = content;
  let held = 0;
  const once = async (row: readonly { readonly name: string; readonly by: number }[]): Promise<void> => {
    const cacheFolder = await newCache();
    const store = storeFor(noStore, { ...quick, cacheFolder });
    const left = [...row];
    server.intercept = ({ method }) => {
      const next = method === "GET" ? left.shift() : undefined;
      return next === undefined ? undefined : faults[next.name]?.(next.by);
    };
    try {
      const file = await store.hold(`${server.origin}/0.tar`);
      expect((await readFile(file.path)).equals(content)).toBe(true);
      file.release();
      held++;
    } catch (error) {
      if (!(error instanceof ClipError)) throw error;
    }
    expect(store.counts.tries).toBeLessThanOrEqual(3 * 6);
    await store.close();
    await rm(cacheFolder, { recursive: true });
  };
  await fc.assert(fc.asyncProperty(fc.array(fault, { maxLength: 5 }), once), { numRuns: 60 });
  expect(held).toBeGreaterThan(5);
});
