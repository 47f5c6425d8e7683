import { expect, test } from "vitest";
import { keysOf, memoryShards } from "../fixtures/memory-shards.ts";
import { createShardOpener, evenPositions, walkSamples } from "./walk-samples.ts";

const group = { counts: [3, 0, 5, 1, 7] };

test.each([1, 3, 50])("all samples come in their order, %i at a time, one shard open", async (concurrency) => {
  const set = memoryShards([group, { counts: [2] }]);
  let [now, most] = [0, 0];
  const found: string[] = [];
  const work = async ({ key }: { readonly key: string }, { position }: { readonly position: number }) => {
    most = Math.max(most, ++now);
    for (let turn = position % 5; turn > 0; turn--) await Promise.resolve();
    now--;
    return `${position} ${key}`;
  };
  for await (const line of walkSamples(set, work, { concurrency })) found.push(line);
  const keys = [...keysOf(group), ...keysOf({ counts: [2] }, 1)];
  expect(found).toEqual(keys.map((key, at) => `${at} ${key}`));
  expect(most).toBeLessThanOrEqual(concurrency);
  expect(set.opened).toMatchObject({ now: 0, most: 1 });
});

test("positions are walked to, shards between them stay closed", async () => {
  const set = memoryShards([group]);
  const keys: string[] = [];
  const walk = walkSamples(set, async ({ key }) => key, { positions: [1, 4, 15, 16, 99] });
  for await (const key of walk) keys.push(key);
  expect(keys).toEqual(["0/0/1", "0/2/1", "0/4/6"]);
  expect(set.opened.times).toBe(3);
});

test("even positions lie as far from each other as they can", () => {
  expect([...evenPositions(10, 4)]).toEqual([0, 2, 5, 7]);
  expect([...evenPositions(3, 9)]).toEqual([0, 1, 2]);
  expect([...evenPositions(0, 9)]).toEqual([]);
});

test("samples of a shard that cannot be opened say so, the others come", async () => {
  const set = memoryShards([{ ...group, closed: [2] }]);
  const found: string[] = [];
  for await (const image of walkSamples(set, async (sample) => sample.image)) {
    found.push("reason" in image ? image.reason : "read");
  }
  const reason = "its shard cannot be opened: 0/2 is gone";
  expect(found).toEqual([...Array(3).fill("read"), ...Array(5).fill(reason), ...Array(8).fill("read")]);
});

test("a sample that cannot be reached says so, the others come", async () => {
  const set = memoryShards([{ ...group, isLost: (number) => number === 4 }]);
  const found: string[] = [];
  for await (const { key, image } of walkSamples(set, async (sample) => sample)) {
    found.push("reason" in image ? `${key}: ${image.reason}` : key);
  }
  const expected = keysOf(group);
  expected[4] = "0/2/1: 0/2/1 is lost";
  expect(found).toEqual(expected);
});

test("work that fails ends the walk, with nothing left open", async () => {
  const set = memoryShards([group]);
  const work = async (_sample: unknown, { position }: { readonly position: number }) => {
    if (position === 4) throw new Error("no more");
    return position;
  };
  const found: number[] = [];
  const walk = async (): Promise<void> => {
    for await (const each of walkSamples(set, work)) found.push(each);
  };
  await expect(walk()).rejects.toThrow("no more");
  expect(found).toEqual([0, 1, 2, 3]);
  expect(set.opened.now).toBe(0);
});

test("walks that follow each other share an opener, which keeps the last shard open", async () => {
  const set = memoryShards([group]);
  const opener = createShardOpener();
  for (const position of [3, 4, 5, 8]) {
    for await (const _key of walkSamples(set, async ({ key }) => key, { positions: [position], opener }));
  }
  expect([set.opened.times, set.opened.now]).toEqual([2, 1]);
  await opener.close();
  expect(set.opened.now).toBe(0);
});
