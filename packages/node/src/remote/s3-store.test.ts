import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import {
  newCache,
  noStore,
  quick,
  shard,
  startFaultServer,
  tryHold,
  type FaultServer,
} from "./fixtures/fault-server.ts";
import { storeFor, type EveryStore } from "./store-for.ts";

const script = fileURLToPath(new URL("fixtures/s3-server.mjs", import.meta.url));
const credentials = { accessKeyId: "S3RVER", secretAccessKey: "S3RVER" };

let directory: string;
let s3rver: ChildProcess;
let endpoint: string;
let client: S3Client;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "clip-ts-s3-"));
  s3rver = spawn(process.execPath, ["--openssl-legacy-provider", script, directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(s3rver.stdout!, "data")) as [Buffer];
  endpoint = `http://127.0.0.1:${line.toString().trim()}`;
  client = new S3Client({ endpoint, region: "us-east-1", forcePathStyle: true, credentials });
  await put("set/00000 é+.tar", shard);
  await put("set/sizes.json", '{"00000.tar":3}');
  await put("set/deeper/00001.tar", "x");
});
afterAll(async () => {
  client.destroy();
  s3rver.kill("SIGKILL");
  await rm(directory, { recursive: true });
});

let cacheFolder: string;
let store: EveryStore;
beforeEach(async () => {
  cacheFolder = await newCache();
  store = storeFor(noStore, { ...quick, timeout: 5000, cacheFolder, s3: { endpoint, credentials } });
});
afterEach(async () => {
  await store.close();
  await rm(cacheFolder, { recursive: true });
});

const put = (key: string, body: string | Uint8Array) =>
  client.send(new PutObjectCommand({ Bucket: "shards", Key: key, Body: body }));

const place = "s3://shards/set/00000 é+.tar";

test("objects are held whole, and from the cache the second time", async () => {
  expect(await tryHold(store, place)).toBe("equal");
  expect(await tryHold(store, place)).toBe("equal");
  expect(store.counts).toMatchObject({ fetched: 1, found: 1, tries: 3, again: 0, bytes: shard.byteLength });
});

test("facts are length and ETag; what is not there is undefined", async () => {
  const facts = await store.facts(place);
  expect(facts).toEqual({ bytes: shard.byteLength, version: expect.stringMatching(/^"[\da-f]{32}"$/u) });
  expect(await store.facts("s3://shards/set/none.tar")).toBeUndefined();
  expect(await store.readSmall("s3://shards/set/none.json", 100)).toBeUndefined();
  await expect(store.hold("s3://shards/set/none.tar")).rejects.toThrow(
    "s3://shards/set/none.tar: there is no such file",
  );
});

test("small files come into memory, unless they are larger than they may be", async () => {
  const bytes = await store.readSmall("s3://shards/set/sizes.json", 100);
  expect(new TextDecoder().decode(bytes)).toBe('{"00000.tar":3}');
  await expect(store.readSmall(place, 100)).rejects.toThrow("more than the 100 bytes");
});

test("listings have what lies right under a prefix, over all pages", async () => {
  expect(await store.list("s3://shards/set")).toEqual(["00000 é+.tar", "sizes.json"]);
  await put("many/00000.tar", "x");
  const names = Array.from({ length: 1100 }, (_, index) => `${String(index).padStart(5, "0")}.tar`);
  const many = join(directory, "shards", "many");
  for (const file of await readdir(many)) {
    for (const name of names.slice(1)) await copyFile(join(many, file), join(many, file.replace("00000.tar", name)));
  }
  expect(await store.list("s3://shards/many/")).toEqual(names);
  expect(store.counts.tries).toBe(3);
});

test("an object that was written anew is fetched anew", async () => {
  await put("set/changing.tar", shard);
  expect(await tryHold(store, "s3://shards/set/changing.tar")).toBe("equal");
  const later = shard.toReversed();
  await put("set/changing.tar", later);
  expect(await tryHold(store, "s3://shards/set/changing.tar", later)).toBe("equal");
  expect(store.counts.fetched).toBe(2);
});

test("public buckets are read unsigned, without credentials", async () => {
  const unsigned = storeFor(noStore, { ...quick, cacheFolder, s3: { endpoint, unsigned: true } });
  expect(await tryHold(unsigned, place)).toBe("equal");
  await unsigned.close();
});

test("no credentials at all say so", async () => {
  const saved = { ...process.env };
  for (const name of Object.keys(process.env)) if (name.startsWith("AWS_")) delete process.env[name];
  Object.assign(process.env, { AWS_EC2_METADATA_DISABLED: "true", HOME: cacheFolder });
  const bare = storeFor(noStore, { ...quick, cacheFolder, s3: { endpoint } });
  expect(await tryHold(bare, place)).toMatch(/no credentials were found.*AWS_ACCESS_KEY_ID.*s3\.unsigned/u);
  await bare.close();
  process.env = saved;
});

/** The SDK against a server that lies. */
const hostile: readonly (readonly [string, "equal" | RegExp, number, (server: FaultServer) => void])[] = [
  ["is honest", "equal", 2, () => undefined],
  [
    "is busy twice",
    "equal",
    4,
    (server) => {
      server.intercept = ({ method }, count) =>
        method === "GET" && count < 4 ? (_, response) => void response.writeHead(503).end() : undefined;
    },
  ],
  [
    "fails for ever",
    /answers 500.*tried 5 times/u,
    6,
    (server) => {
      server.intercept = ({ method }) =>
        method === "GET" ? (_, response) => void response.writeHead(500).end() : undefined;
    },
  ],
  [
    "cuts the connection",
    "equal",
    3,
    (server) => {
      server.intercept = ({ method }, count) =>
        method === "GET" && count === 2
          ? (_, response) => {
              response.writeHead(200, { etag: '"v1"', "content-length": shard.byteLength });
              response.write(shard.subarray(0, 700_000), () => response.destroy());
            }
          : undefined;
    },
  ],
  [
    "stalls",
    "equal",
    3,
    (server) => {
      server.intercept = ({ method }, count) =>
        method === "GET" && count === 2
          ? (_, response) => {
              response.writeHead(200, { etag: '"v1"', "content-length": shard.byteLength });
              response.write(shard.subarray(0, 700_000));
            }
          : undefined;
    },
  ],
  [
    "refuses the key",
    /s3:\/\/bucket.*answers 403.*AWS_ACCESS_KEY_ID.*AWS_PROFILE.*s3\.unsigned/u,
    1,
    (server) => (server.intercept = () => (_, response) => void response.writeHead(403).end()),
  ],
  ["never answers", /nothing came for 0\.4 s/u, 5, (server) => (server.intercept = () => () => undefined)],
  [
    "says another length",
    /10 bytes where the store said 3000000/u,
    2,
    (server) => {
      server.intercept = ({ method }) =>
        method === "GET"
          ? (_, response) => void response.writeHead(200, { "content-length": 10 }).end("0123456789")
          : undefined;
    },
  ],
  [
    "tells a sum that its bytes have not",
    /arrived damaged: its sha256/u,
    6,
    (server) => {
      server.intercept = () => (request, response) => {
        response.setHeader("x-amz-checksum-sha256", Buffer.alloc(32).toString("base64"));
        server.honest(request, response);
      };
    },
  ],
  [
    "tells a CRC that its bytes have",
    "equal",
    2,
    (server) => {
      server.content = new TextEncoder().encode("123456789");
      server.intercept = () => (request, response) => {
        response.setHeader("x-amz-checksum-crc32", Buffer.from("cbf43926", "hex").toString("base64"));
        server.honest(request, response);
      };
    },
  ],
];

test.each(hostile)("a store that %s: %s after %i requests", async (_name, outcome, tries, arrange) => {
  const server = await startFaultServer();
  arrange(server);
  const s3 = { endpoint: server.origin, credentials };
  const tried = storeFor(noStore, { ...quick, cacheFolder, s3 });
  const result = await tryHold(tried, "s3://bucket/00000.tar", server.content);
  if (outcome === "equal") expect(result).toBe("equal");
  else expect(result).toMatch(outcome);
  expect(tried.counts.tries).toBe(tries);
  await tried.close();
  await server.close();
});
