import { spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  filesIn,
  newCache,
  shard,
  startFaultServer,
  startOf,
  type Answer,
  type FaultServer,
} from "./fixtures/fault-server.ts";

const script = fileURLToPath(new URL("fixtures/hold-shard.mjs", import.meta.url));
const isBuilt = existsSync(new URL("../../dist/remote/store-for.js", import.meta.url));
if (!isBuilt) console.warn("Skipped: tests of several processes need the built packages (pnpm build).");

const hash = createHash("sha256").update(shard).digest("hex");

let server: FaultServer;
let cacheFolder: string;
let children: ChildProcess[];
beforeEach(async () => {
  children = [];
  server = await startFaultServer();
  cacheFolder = await newCache();
});
afterEach(async () => {
  for (const child of children) child.kill("SIGKILL");
  await server.close();
  await rm(cacheFolder, { recursive: true });
});

/** Sends so many bytes, and the rest once it is let go. */
let letGo: () => void;
const heldBack =
  (bytes: number): Answer =>
  (request, response) => {
    const start = startOf(request);
    const range = start > 0 && { "content-range": `bytes ${start}-${shard.byteLength - 1}/${shard.byteLength}` };
    response.writeHead(start > 0 ? 206 : 200, { etag: '"v1"', "content-length": shard.byteLength - start, ...range });
    response.write(shard.subarray(start, start + bytes));
    letGo = () => response.end(shard.subarray(start + bytes));
  };

/** A process that has loaded everything and waits for a line. */
async function ready(name = "00000.tar", cacheBytes = ""): Promise<ChildProcess> {
  const child = spawn(process.execPath, [script, `${server.origin}/${name}`, cacheFolder, cacheBytes], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  children.push(child);
  await once(child.stdout, "data");
  return child;
}

async function outcome(child: ChildProcess): Promise<unknown> {
  const [line] = (await once(child.stdout!, "data")) as [Buffer];
  return JSON.parse(line.toString());
}

const downloads = (): string[] => server.requests.filter((request) => request.startsWith("GET"));

/** Bytes that lie in the cache. */
async function collected(): Promise<number> {
  const folder = join(cacheFolder, "files");
  const names = await readdir(folder).catch(() => []);
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

describe.skipIf(!isBuilt)("several processes on one cache", () => {
  test("fetch a shard once: the others wait for it", async () => {
    server.intercept = ({ method }) => (method === "GET" ? heldBack(1_000_000) : undefined);
    const three = await Promise.all([ready(), ready(), ready()]);
    const outcomes = Promise.all(three.map(outcome));
    for (const child of three) child.stdin?.write("\n");
    await expect.poll(() => server.requests.filter((request) => request.startsWith("HEAD")).length).toBe(3);
    await expect.poll(collected).toBe(1_000_000);
    letGo();
    const found = (await outcomes) as { hash: string; fetched: number }[];
    expect(found.map((one) => one.hash)).toEqual([hash, hash, hash]);
    expect(found.map(({ fetched }) => fetched).toSorted((one, other) => one - other)).toEqual([0, 0, 1]);
    expect(downloads()).toHaveLength(1);
  });

  test("one is killed while it fetches: the next goes on where it was", async () => {
    server.intercept = ({ method }) => (method === "GET" ? heldBack(1_000_000) : undefined);
    const killed = await ready();
    killed.stdin?.write("\n");
    await expect.poll(collected).toBe(1_000_000);
    killed.kill("SIGKILL");
    await once(killed, "exit");
    expect(await filesIn(cacheFolder)).toEqual(["00000.tar.partial"]);
    server.intercept = () => undefined;
    const next = await ready();
    next.stdin?.write("\n");
    expect(await outcome(next)).toEqual({ hash, fetched: 1, found: 0, bytes: 2_000_000 });
    expect(downloads()).toEqual(["GET /00000.tar", "GET /00000.tar bytes=1000000-"]);
    expect(await filesIn(cacheFolder)).toEqual(["00000.tar"]);
  });

  test("one that waits takes over from one that is killed", async () => {
    server.intercept = ({ method }) => (method === "GET" ? heldBack(1_000_000) : undefined);
    const killed = await ready();
    killed.stdin?.write("\n");
    await expect.poll(collected).toBe(1_000_000);
    const waiting = await ready();
    const found = outcome(waiting);
    waiting.stdin?.write("\n");
    await expect.poll(() => server.requests.filter((request) => request.startsWith("HEAD")).length).toBe(2);
    server.intercept = () => undefined;
    killed.kill("SIGKILL");
    expect(await found).toMatchObject({ hash, fetched: 1, bytes: 2_000_000 });
  });

  test("what a living process holds is not dropped, what a killed one held is", async () => {
    const limit = String(shard.byteLength + 1000);
    const first = await ready("0.tar", limit);
    first.stdin?.write("\n");
    expect(await outcome(first)).toMatchObject({ fetched: 1 });
    const refused = await ready("1.tar", limit);
    refused.stdin?.write("\n");
    expect(await outcome(refused)).toEqual({ error: expect.stringContaining("in 1 shards are held") });
    first.kill("SIGKILL");
    await once(first, "exit");
    const next = await ready("1.tar", limit);
    next.stdin?.write("\n");
    expect(await outcome(next)).toMatchObject({ hash, fetched: 1 });
    expect(await filesIn(cacheFolder)).toEqual(["1.tar"]);
  });
});
