import { rm } from "node:fs/promises";
import { answerTo, sends, startLocalHub, type LocalHub } from "@clip-ts/test-utils";
import { afterAll, afterEach, beforeEach, expect, test } from "vitest";
import { config, damageOf, startTrial, tryDownload, weights, weightsHash, type Trial } from "./fixtures/hostile.ts";

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

const head = /HEAD .*model\.safetensors/u;
const large = { "x-linked-etag": `"${weightsHash}"`, "x-linked-size": weights.byteLength };
const toStore = { ...large, location: `/store/${weightsHash}` };

type Behaviour = readonly [name: string, outcome: RegExp, arrange: () => void];

const etags = ["../../../evil", "a/b", String.raw`..\..\evil`, "..", ".", "", "x".repeat(500)];

const behaviours: readonly Behaviour[] = [
  ...etags.map((etag): Behaviour => [
    `gives the ETag ${etag.slice(0, 20)}`,
    /its ETag .* cannot be a file's name/u,
    () => answerTo(hub, head, sends(302, { ...toStore, "x-linked-etag": `"${etag}"` })),
  ]),
  [
    "gives a weak ETag",
    /^fetched$/u,
    () => {
      answerTo(hub, head, sends(302, { ...toStore, "x-linked-etag": `W/"${weightsHash}"` }));
    },
  ],
  [
    "gives an ETag without quotes",
    /^fetched$/u,
    () => {
      answerTo(hub, head, sends(302, { ...toStore, "x-linked-etag": weightsHash }));
    },
  ],
  [
    "gives no ETag",
    /gives no ETag to keep the file by/u,
    () => {
      answerTo(hub, head, sends(200, { "content-length": 5 }));
    },
  ],
  ...["-5", "many", "1e3", "99999999999999999999"].map((size): Behaviour => [
    `announces ${size} bytes`,
    /announces a size of/u,
    () => answerTo(hub, head, sends(302, { ...toStore, "x-linked-size": size })),
  ]),
  [
    "announces a petabyte",
    /needs 1073741824 MiB, and the disk has \d+ MiB left.*HF_HUB_CACHE/u,
    () => {
      answerTo(hub, head, sends(302, { ...toStore, "x-linked-size": 2 ** 50 }));
    },
  ],
  [
    "does not say how large a file is",
    /^fetched$/u,
    () => {
      const { "x-linked-size": _size, ...rest } = toStore;
      answerTo(hub, head, sends(302, rest));
    },
  ],
  [
    "answers for another commit",
    /answers for commit bbbb/u,
    () => {
      answerTo(hub, head, sends(302, { ...toStore, "x-repo-commit": "b".repeat(40) }));
    },
  ],
  [
    "lists a file that it does not have",
    /model\.safetensors answers 404: there is no such/u,
    () => {
      answerTo(hub, head, sends(404));
    },
  ],
];

test.each(behaviours)("a hub that %s", async (_name, outcome, arrange) => {
  arrange();
  const start = Date.now();
  expect(await tryDownload(trial)).toMatch(outcome);
  expect(Date.now() - start).toBeLessThan(20_000);
  expect(await damageOf(trial)).toEqual([]);
});

afterAll(() => {
  console.log(`hostile hub, facts: ${behaviours.length} behaviours tried, none hung.`);
});
