import { normalize, preprocess } from "@clip-ts/image";
import { expect, test } from "vitest";
import type { BatchStream } from "../batch.ts";
import {
  decodeRaw,
  memoryShards,
  memoryWorkers,
  preprocessConfig,
  readMemory,
  tokenizer,
  type MemoryGroup,
} from "../fixtures/memory-shards.ts";
import { create, take } from "../fixtures/shard-stream.ts";
import type { BytesPlace, OpenShard } from "./shard-set.ts";

const one: MemoryGroup = { counts: [9, 0, 1, 14, 7, 6] };
const augment = { scale: [0.4, 1], flipProbability: 0.5 } as const;

test("a batch holds what its keys and captions say, its pixels as bytes and normalised to the bit", async () => {
  const source = memoryShards([one]);
  const batch = await create({ groups: [one] }).next();
  expect(batch).toMatchObject({ batch: 4, imageSize: 4, epoch: 0, index: 0 });
  const length = 3 * 4 * 4;
  const normalised = batch.pixelValues;
  for (const [row, key] of batch.keys.entries()) {
    const [, shard, index] = key.split("/").map(Number);
    const sample = await (await source.groups[0]!.shards[shard!]!.open()).sample(index!);
    const pixels = await decodeRaw(await readMemory(sample.image as BytesPlace), key);
    expect(normalised.slice(row * length, (row + 1) * length)).toEqual(preprocess(pixels, preprocessConfig));
    expect(batch.captions[row]).toBe((sample.texts as { texts: { txt: string } }).texts.txt);
    const ids = tokenizer.encode(batch.captions[row]!);
    const start = row * batch.tokens;
    expect(Array.from(batch.inputIds.slice(start, start + ids.length))).toEqual(ids);
  }
  const expected = tokenizer.encodeBatch(batch.captions, { multiple: 8 });
  expect(batch.inputIds).toEqual(expected.inputIds);
  const plain = {
    data: Uint8Array.from({ length: 3 * 256 }, (_, index) => index / 3),
    width: 256,
    height: 1,
    channels: 3,
  } as const;
  const table = normalize(plain, preprocessConfig);
  expect(normalised[0]).toBe(table[batch.pixels!.data[0]!]);
});

test("the memory of a batch goes back when the next is asked for", async () => {
  const stream = create({ groups: [one], making: { slots: 1 }, prefetch: 0 });
  const first = await stream.next();
  const { data } = first.pixels!;
  const second = await stream.next();
  expect(second.pixels!.data.buffer).toBe(data.buffer);
  expect(() => first.pixelValues).toThrow(/given back when the next batch was asked for/);
  const kept = second.pixelValues;
  await stream.next();
  expect(second.pixelValues).toBe(kept);
});

test("what comes twice in an epoch has another crop each time, and weights count over epochs", async () => {
  const groups = [{ counts: [4, 4], weight: 3 }];
  const making = { augment: { scale: [0.3, 0.9], flipProbability: 0.5 } } as const;
  const stream = create({ groups, making });
  expect(stream.stepsPerEpoch).toBe(6);
  const crops = new Map<string, Set<string>>();
  for (const { keys, bytes } of await take(stream, 6)) {
    for (const [row, key] of keys.entries()) {
      const drawn = crops.get(key) ?? new Set();
      crops.set(key, drawn.add(bytes.slice(row * 48, (row + 1) * 48).join()));
    }
  }
  expect(crops.size).toBe(8);
  for (const drawn of crops.values()) expect(drawn.size).toBeGreaterThan(1);
});

test("only the shards of two windows are open, two opened at a time, and all are closed in the end", async () => {
  const counts = Array.from({ length: 40 }, () => 20);
  const groups = [{ counts }];
  const source = memoryShards(groups);
  const stream = create({ groups, source, windowShards: 3, windowSamples: 1, batchSize: 2 });
  await take(stream, stream.stepsPerEpoch);
  const { opened } = source;
  expect(opened.mostOpening).toBe(2);
  // A pool of 32 positions and the one after it touch two windows, and one more is opened ahead.
  expect(opened.most).toBeLessThanOrEqual(4 * 3);
  expect(opened.times).toBeGreaterThanOrEqual(40);
  expect(opened.times).toBeLessThanOrEqual(40 + 4 * 3);
  await stream.close();
  expect(opened.now).toBe(0);
});

test("calls that overlap are served in turn, and close ends them while workers have no memory left", async () => {
  const stream = create({ groups: [one], prefetch: 4, making: { slots: 1 } });
  const [first, second] = [stream.next(), stream.next()];
  expect([(await first).index, (await second).index]).toEqual([0, 1]);
  const asked = stream.next();
  await stream.close();
  await asked.catch((error: unknown) => expect(error).toMatchObject({ code: "bad-argument" }));
  await expect(stream.next()).rejects.toThrow(/closed/);
});

test("close does not wait for a shard that is still being fetched", async () => {
  const source = memoryShards([one]);
  let isClosed = false;
  let arrive = (): void => undefined;
  const open = async (): Promise<OpenShard> => {
    await new Promise<void>((resolve) => {
      arrive = resolve;
    });
    return { sample: () => Promise.reject(new Error("never asked")), close: async () => void (isClosed = true) };
  };
  const groups = source.groups.map((group) => ({
    ...group,
    shards: group.shards.map((shard) => ({ ...shard, open })),
  }));
  const stream = create({ groups: [one], source: { ...source, groups } });
  const asked = stream.next().catch((error: unknown) => error);
  await new Promise((resolve) => setTimeout(resolve, 1));
  await stream.close();
  expect(await asked).toMatchObject({ code: "bad-argument", message: expect.stringMatching(/closed/) });
  arrive();
  await new Promise((resolve) => setTimeout(resolve, 1));
  expect(isClosed).toBe(true); // a cache may drop it
});

test("a failure of the workers is told, and the batch can be asked for again", async () => {
  let fails = true;
  const workers = memoryWorkers({ slots: 2 });
  const breaking = {
    ...workers,
    images: (...job: Parameters<typeof workers.images>) =>
      fails ? Promise.reject(new Error("a thread died")) : workers.images(...job),
  };
  const stream = create({ groups: [one], workers: breaking, prefetch: 3 });
  await expect(stream.next()).rejects.toThrow("a thread died");
  await expect(stream.next()).rejects.toThrow("a thread died");
  fails = false;
  expect(await take(stream, 9)).toEqual(await take(create({ groups: [one] }), 9));
  await workers.close();
});

test("a cursor of other data or of another batch size is refused, both named", () => {
  const cursor = { epoch: 0, batch: 1, data: "[[9,0,1,14,7,6]]", globalBatch: 4 };
  expect(create({ groups: [one], restore: cursor }).cursor()).toEqual(cursor);
  expect(create({ groups: [one], restore: { epoch: 0, batch: 1 } }).cursor()).toEqual(cursor);
  const other = (): BatchStream => create({ groups: [{ counts: [9, 0, 1, 14, 8, 6] }], restore: cursor });
  expect(other).toThrow(
    expect.objectContaining({
      code: "bad-data",
      message: expect.stringMatching(/\[\[9,0,1,14,7,6\]\].*\[\[9,0,1,14,8,6\]\]/),
    }),
  );
  expect(() => create({ groups: [one], batchSize: 5, restore: cursor })).toThrow(
    expect.objectContaining({
      code: "bad-config",
      message: expect.stringMatching(/4 pairs a batch, and now there are 5/),
    }),
  );
  expect(() => create({ groups: [one], restore: { epoch: 0, batch: 9 } })).toThrow(/an epoch has 9 batches/);
});

test("options out of range say so", () => {
  expect(() => create({ groups: [one], batchSize: 38 })).toThrow(/memory draws 37 pairs an epoch, fewer than/);
  expect(() => create({ groups: [one], batchSize: 0 })).toThrow(/batchSize must be a whole number from 1/);
  expect(() => create({ groups: [one], part: { index: 2, of: 2 } })).toThrow(/got part 2 of 2/);
  expect(() => create({ groups: [one], part: { index: 0, of: 5 } })).toThrow(/at most 4, the batch size/);
  expect(() => create({ groups: [one], windowShards: 0 })).toThrow(/windowShards/);
  expect(() => create({ groups: [one], maxSkipped: "a tenth" as never })).toThrow(/a share such as "5%"/);
  expect(() => memoryWorkers({ augment, view: {} })).toThrow(/give one of them/);
  expect(() => memoryWorkers({ slots: 0 })).toThrow(/slots must be a whole number from 1/);
  expect(() => memoryWorkers({ captions: {} })).toThrow(/expected names of texts with chances/);
});
