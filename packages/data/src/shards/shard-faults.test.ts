import { expect, test } from "vitest";
import type { SkippedImage } from "../batch.ts";
import { faulty, keysOf } from "../fixtures/memory-shards.ts";
import { create, take, type StreamOptions } from "../fixtures/shard-stream.ts";

const options: StreamOptions = { groups: [faulty], maxSkipped: "60%", batchSize: 8 };

test("what cannot be used is replaced by what can, listed once and counted by reason", async () => {
  const reports: SkippedImage[] = [];
  const stream = create({ ...options, onSkip: (skipped) => reports.push(skipped) });
  const batches = await take(stream, 3 * stream.stepsPerEpoch);
  const numbers = new Map(keysOf(faulty).map((key, number) => [key, number]));
  for (const { keys } of batches) {
    expect(keys).toHaveLength(8);
    for (const key of keys) {
      expect(faulty.isBroken!(numbers.get(key)!)).toBe(false);
      expect(faulty.isMute!(numbers.get(key)!)).toBe(false);
    }
  }
  expect(stream.skipped).toEqual(reports);
  expect(new Set(reports.map(({ key }) => key)).size).toBe(reports.length);
  const all = [...numbers];
  const mute = all.filter(([, number]) => faulty.isMute!(number)).length;
  const broken = all.filter(([, number]) => faulty.isBroken!(number) && !faulty.isMute!(number)).length;
  const counts = Object.fromEntries(stream.leftOut().map(({ kind, count }) => [kind, count]));
  expect(counts).toEqual({ "unreadable-image": broken, "no-caption": mute });
});

test("a substitute is none of the batch's own, as long as there are others", async () => {
  const stream = create({ ...options, distinct: true });
  for (const { keys, captions } of await take(stream, 13)) {
    expect(new Set(keys).size).toBe(8);
    expect(new Set(captions).size).toBe(8);
  }
});

test("a shard that cannot be opened is named once, and all of its samples count", async () => {
  const groups = [{ counts: [20, 5, 30, 20], closed: [1] }];
  const stream = create({ groups });
  const keys = (await take(stream, 2 * stream.stepsPerEpoch)).flatMap((batch) => batch.keys);
  expect(keys.some((key) => key.startsWith("0/1/"))).toBe(false);
  expect(stream.skipped).toEqual([
    { key: "0/1", reason: "its shard cannot be opened, which has 5 samples: 0/1 is gone" },
  ]);
  expect(stream.leftOut()).toMatchObject([{ kind: "unreadable-image", count: 5, examples: [{ name: "0/1" }] }]);
  const strict = create({ groups, maxSkipped: 4 });
  await expect(take(strict, 40)).rejects.toMatchObject({
    code: "bad-data",
    message: expect.stringMatching(/^memory: 5 of 75 samples cannot be used, and no more than 4 may be left out/),
  });
});

test("too many faults end the stream, and so does nothing that can be used", async () => {
  const some = create({ groups: [{ counts: [100, 100], isBroken: (number) => number % 3 === 0 }] });
  await expect(take(some, 100)).rejects.toMatchObject({ code: "bad-data" });
  await expect(some.next()).rejects.toThrow(/no more than 10 may be left out: mend them or raise maxSkipped/);
  for (const fault of ["isBroken", "isMute"] as const) {
    const none = create({ groups: [{ counts: [9, 8], [fault]: () => true }], maxSkipped: "100%" });
    await expect(none.next()).rejects.toThrow(/^memory: 17 of 17 samples cannot be used, so nothing is left/);
  }
  const gone = create({ groups: [{ counts: [9, 8], closed: [0, 1] }], maxSkipped: "100%" });
  await expect(gone.next()).rejects.toThrow(/17 of 17 samples cannot be used, so nothing is left/);
});

test("with too few readable samples some repeat", async () => {
  const stream = create({ groups: [{ counts: [6], isBroken: (number) => number > 2 }], batchSize: 6 });
  const { keys } = await stream.next();
  expect(new Set(keys)).toEqual(new Set(["0/0/0", "0/0/1", "0/0/2"]));
  expect(keys).toHaveLength(6);
});
