import { expect, test, vi } from "vitest";
import { decodeRaw, keysOf, memoryShards, readMemory } from "../fixtures/memory-shards.ts";
import { pairsOfShards } from "./pairs-of-shards.ts";

const how = { read: readMemory, decode: decodeRaw };
const group = { counts: [3, 0, 5, 4] };

test("the first samples are listed with their captions, shard by shard", async () => {
  const set = memoryShards([group, { counts: [2] }]);
  const { records, leftOut } = await pairsOfShards(set, how);
  expect(records.map(({ key }) => key)).toEqual([...keysOf(group), ...keysOf({ counts: [2] }, 1)]);
  expect(leftOut).toEqual([]);
  expect(set.opened).toMatchObject({ now: 1, times: 4 });
  const chosen = await pairsOfShards(set, { ...how, captions: { alt: 1, txt: 1, other: 1 }, limit: 4 });
  expect(chosen.records).toHaveLength(4);
  expect(chosen.records[3]).toMatchObject({ key: "0/2/0", captions: ["also 3", expect.stringMatching(/^3 /)] });
});

test("a shard that cannot be opened counts with all its samples, one that cannot be reached alone", async () => {
  const set = memoryShards([{ ...group, closed: [2], isLost: (number) => number === 1, isMute: (at) => at === 8 }]);
  const { records, leftOut } = await pairsOfShards(set, how);
  expect(records.map(({ key }) => key)).toEqual(["0/0/0", "0/0/2", "0/3/1", "0/3/2", "0/3/3"]);
  expect(leftOut).toEqual([
    {
      kind: "unreadable-image",
      count: 6,
      examples: [
        { name: "0/0, sample 1", reason: "0/0/1 is lost" },
        { name: "0/2", reason: "its shard cannot be opened, which has 5 samples: 0/2 is gone" },
      ],
    },
    { kind: "no-caption", count: 1, examples: [{ name: "0/3/0" }] },
  ]);
});

test("a set of which nothing can be used is refused with the reasons", async () => {
  const set = memoryShards([{ counts: [3, 2], closed: [0, 1] }]);
  await expect(pairsOfShards(set, how)).rejects.toMatchObject({
    code: "bad-data",
    message: expect.stringMatching(/^memory: 5 of 5 .* nothing is left\. The first:\n {2}its shard .*: 0\/0 is gone/),
  });
});

test("a shard stays open until its images are read, also when those of the next are asked for", async () => {
  const set = memoryShards([group]);
  let [reading, goOn] = [0, (): void => undefined];
  const gate = new Promise<void>((resolve) => (goOn = resolve));
  const read: typeof readMemory = async (place) => {
    reading++;
    await gate;
    return readMemory(place);
  };
  const { records } = await pairsOfShards(set, { ...how, read });
  const loading = Promise.all(records.slice(0, 5).map((record) => record.loadImage()));
  await vi.waitFor(() => expect(reading).toBe(5));
  expect(set.opened.now).toBe(2);
  goOn();
  expect((await loading).map(({ data }) => data[0])).toEqual([0, 31, 62, 93, 124]);
  await vi.waitFor(() => expect(set.opened.now).toBe(1));
});
