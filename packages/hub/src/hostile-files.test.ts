import { existsSync } from "node:fs";
import { mkdir, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { answerTo, sends, startLocalHub, type Answer, type LocalHub } from "@clip-ts/test-utils";
import { afterAll, afterEach, beforeEach, expect, test } from "vitest";
import {
  config,
  configHash,
  damageOf,
  startTrial,
  tryDownload,
  weights,
  weightsHash,
  type Trial,
} from "./fixtures/hostile.ts";

let hub: LocalHub;
let trial: Trial;
beforeEach(async () => {
  hub = await startLocalHub();
  trial = await startTrial(hub.endpoint);
  const files = new Map([["config.json", config]]).set("model.safetensors", weights);
  hub.repositories.set("owner/name", { files });
});
afterEach(async () => {
  await hub.close();
  await rm(trial.root, { recursive: true });
});

const store = /GET \/store\//u;
const head = /HEAD .*model\.safetensors/u;

/** Puts bytes where a download that was interrupted would have left them. */
async function leavePart(bytes: Uint8Array): Promise<void> {
  await mkdir(trial.blobs, { recursive: true });
  await writeFile(join(trial.blobs, `${weightsHash}.incomplete`), bytes);
}

/** A file straight from the hub, as mirrors send them. */
const direct = /GET \/owner.*model\.safetensors/u;

/** What a server sends that does not continue what was asked for. */
const wrong = new Uint8Array(299_000);

/** The first bytes of a file whose ETag is no hash, so that nothing but what servers say tells the rest. */
async function leaveMirrored(): Promise<void> {
  await mkdir(trial.blobs, { recursive: true });
  await writeFile(join(trial.blobs, "v1.incomplete"), weights.subarray(0, 1000));
  answerTo(hub, head, sends(200, { etag: '"v1"', "content-length": weights.byteLength }));
}

/** An answer to a range that says it is these bytes of the file. */
const part = (range: string, bytes = weights, rest: Readonly<Record<string, string>> = {}) =>
  sends(206, { "content-range": range, ...rest }, bytes);

/** Sends something of what was asked for, and breaks off. */
const breaks: Answer = (request, response) => {
  const start = Number(/^bytes=(\d+)-/u.exec(request.headers.range ?? "")?.[1] ?? 0);
  const headers = { "content-range": `bytes ${start}-299999/300000` };
  response.writeHead(start > 0 ? 206 : 200, start > 0 ? headers : {});
  response.write(weights.subarray(start, start + 50_000), () => response.destroy());
};

type Behaviour = readonly [name: string, outcome: RegExp, arrange: () => void | Promise<void>];

const behaviours: readonly Behaviour[] = [
  [
    "sends other bytes",
    /model\.safetensors arrived damaged.*It was deleted; try again/u,
    () => {
      hub.faults.corrupt = true;
    },
  ],
  [
    "sends another small file",
    /config\.json arrived damaged/u,
    () => {
      answerTo(
        hub,
        /GET .*config\.json/u,
        sends(
          200,
          {},
          config.map((byte) => byte ^ 1),
        ),
      );
    },
  ],
  [
    "breaks each time, early",
    /the connection broke .*What arrived is kept; run it again to continue/u,
    () => {
      hub.faults.breakAfter = 50_000;
    },
  ],
  ["breaks twice", /^fetched$/u, () => answerTo(hub, store, breaks, 2)],
  [
    "breaks once, and then knows no ranges",
    /^fetched$/u,
    () => {
      hub.faults.withoutRanges = true;
      answerTo(
        hub,
        store,
        (_request, response) => {
          response.writeHead(200, { "content-length": weights.byteLength });
          response.write(weights.subarray(0, 9000), () => response.destroy());
        },
        1,
      );
    },
  ],
  [
    "resets connections to its store",
    /store\/[0-9a-f]{64} cannot be reached: /u,
    () => {
      answerTo(hub, store, (request) => request.socket.destroy());
    },
  ],
  [
    "goes silent in the middle",
    /nothing came for 0\.2 s.*HF_HUB_DOWNLOAD_TIMEOUT.*What arrived is kept/u,
    () => {
      answerTo(hub, store, (_request, response) => {
        response.writeHead(200, { "content-length": weights.byteLength });
        response.write(weights.subarray(0, 100_000));
      });
    },
  ],
  [
    "goes silent once",
    /^fetched$/u,
    () => {
      answerTo(
        hub,
        store,
        (_request, response) => {
          response.writeHead(200, { "content-length": weights.byteLength });
          response.write(weights.subarray(0, 100_000));
        },
        1,
      );
    },
  ],
  [
    "never answers for a file",
    /nothing came for 0\.2 s/u,
    () => {
      answerTo(hub, store, () => undefined);
    },
  ],
  [
    "ends too early, cleanly",
    /the connection broke \(it ended after 100 of 300000 bytes\)/u,
    () => {
      answerTo(hub, store, sends(200, {}, weights.subarray(0, 100)));
    },
  ],
  [
    "announces more than the file has",
    /sends more than the 300000 bytes it may/u,
    () => {
      answerTo(hub, store, sends(200, { "content-length": 900_000 }, new Uint8Array(900_000)));
    },
  ],
  [
    "sends without end",
    /sends more than the 300000 bytes it may/u,
    () => {
      answerTo(hub, store, (_request, response) => {
        response.writeHead(200);
        // In turns: Node 26 answers a write to a connection that is gone at once, before saying that it is.
        const more = (): void => void (response.destroyed || response.write(weights, () => setImmediate(more)));
        more();
      });
    },
  ],
  [
    "compresses ten thousand times as much",
    /sends more than the 300000 bytes it may/u,
    () => {
      const bomb = gzipSync(new Uint8Array(30_000_000));
      answerTo(hub, store, sends(200, { "content-encoding": "gzip" }, bomb));
    },
  ],
  [
    "compresses though asked not to",
    /^fetched$/u,
    () => {
      answerTo(hub, store, sends(200, { "content-encoding": "gzip" }, gzipSync(weights)));
    },
  ],
  [
    "sends a page of HTML as weights",
    /the connection broke \(it ended after/u,
    () => {
      answerTo(hub, store, sends(200, { "content-type": "text/html" }, "<html>Sign in</html>"));
    },
  ],
  [
    "answers 416 to a range",
    /^fetched$/u,
    async () => {
      await leavePart(weights.subarray(0, 1000));
      answerTo(hub, store, sends(416), 1);
    },
  ],
  [
    "answers 416 to everything",
    /answers 416/u,
    async () => {
      await leavePart(weights.subarray(0, 1000));
      answerTo(hub, store, sends(416));
    },
  ],
  [
    "continues elsewhere than asked",
    /^fetched$/u,
    async () => {
      await leaveMirrored();
      answerTo(hub, direct, part("bytes 5000-299999/300000", wrong), 1);
    },
  ],
  [
    "continues without saying where",
    /^fetched$/u,
    async () => {
      await leaveMirrored();
      answerTo(hub, direct, sends(206, {}, wrong), 1);
    },
  ],
  [
    "continues a file of another length",
    /^fetched$/u,
    async () => {
      await leaveMirrored();
      answerTo(hub, direct, part("bytes 1000-299999/300001", wrong), 1);
    },
  ],
  [
    "continues a file of another ETag",
    /^fetched$/u,
    async () => {
      await leaveMirrored();
      answerTo(hub, direct, part("bytes 1000-299999/300000", wrong, { etag: '"v2"' }), 1);
    },
  ],
  [
    "continues a file of the same ETag",
    /^fetched something else$/u, // as an ETag that is no hash says nothing of the content
    async () => {
      await leaveMirrored();
      answerTo(hub, direct, part("bytes 1000-299999/300000", wrong, { etag: 'W/"v1"' }), 1);
    },
  ],
  [
    "answers a part nobody asked for",
    /answers 206 where a whole file was asked for/u,
    () => {
      answerTo(hub, store, part("bytes 0-299999/300000"));
    },
  ],
  ["left a part that is longer than the file", /^fetched$/u, () => leavePart(new Uint8Array(400_000))],
  ["left a part of another content", /^fetched$/u, () => leavePart(new Uint8Array(1000))],
  ["left a whole file of another content", /^fetched$/u, () => leavePart(new Uint8Array(300_000))],
  ["left the whole file", /^fetched$/u, () => leavePart(weights)],
];

test.each(behaviours)("a hub that %s", async (_name, outcome, arrange) => {
  await arrange();
  const start = Date.now();
  expect(await tryDownload(trial)).toMatch(outcome);
  expect(Date.now() - start).toBeLessThan(20_000); // three time-outs of 0.2 s, and a slow machine
  expect(await damageOf(trial)).toEqual([]);
});

test("a file that arrived damaged is gone, and comes whole the next time", async () => {
  hub.faults.corrupt = true;
  expect(await tryDownload(trial)).toContain("arrived damaged");
  expect(await readdir(trial.blobs)).toEqual([configHash]);
  hub.faults.corrupt = false;
  expect(await tryDownload(trial)).toBe("fetched");
});

test("a part that turns out damaged is said to be, before it is fetched anew", async () => {
  await leavePart(new Uint8Array(1000));
  expect(await tryDownload(trial)).toBe("fetched");
  expect(trial.notices.join()).toMatch(/an earlier attempt had left a part of it: starting over/u);
  expect(hub.requests.filter((line) => store.test(line))).toHaveLength(2);
});

test.skipIf(!existsSync("/dev/full"))("a full disk is called full, and what to do", async () => {
  await mkdir(trial.blobs, { recursive: true });
  await symlink("/dev/full", join(trial.blobs, `${weightsHash}.incomplete`));
  expect(await tryDownload(trial)).toMatch(
    /incomplete cannot be written: the disk is full\. Make room or set HF_HUB_CACHE/u,
  );
});

afterAll(() => {
  console.log(`hostile hub, files: ${behaviours.length} behaviours tried, none hung.`);
});
