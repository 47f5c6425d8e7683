// @ts-check
// Pairs of tars made ready by clip-ts, part by part: reading, decoding, cropping, tokenising, and whole batches.
import { createShardBatches, readTexts } from "@clip-ts/data";
import { clipPreprocess } from "@clip-ts/image";
import { createDecodePool, createRangeReader, decodeImage, imageLibraryVersions } from "@clip-ts/node";
import { createClipTokenizer } from "@clip-ts/tokenizer";
import { firstSamples, openTars, placeOf } from "../inputs/read-shards.mjs";
import { inFlight } from "../measure/in-flight.mjs";
import { serve } from "../measure/serve.mjs";

/**
 * @typedef {import("@clip-ts/data").Sample} Sample
 * @typedef {import("@clip-ts/data").SampleWorkers} SampleWorkers
 */

const seed = 0;
const reader = createRangeReader();

/**
 * Images and texts, by the index of the tar.
 * @param {readonly Sample[]} samples
 */
async function read(samples) {
  let bytes = 0;
  for (const sample of samples) {
    bytes += reader.read(placeOf(sample)).length;
    await readTexts(sample.texts, async (place) => {
      const file = "bytes" in place ? place.bytes : reader.read(place);
      bytes += file.length;
      return file;
    });
  }
  return { bytes };
}

/**
 * From the tar to pixels in shared memory.
 * @param {SampleWorkers} workers
 * @param {readonly Sample[]} samples
 */
async function crop(workers, samples) {
  const slot = await workers.acquire(samples.length);
  const jobs = samples.map((sample, row) => ({
    image: placeOf(sample),
    key: sample.key,
    random: ["crop", row],
    row,
  }));
  const faults = await workers.images(jobs, slot);
  workers.release(slot);
  const fault = faults.find(Boolean);
  if (fault !== undefined) throw new Error(fault.reason);
  return {};
}

/**
 * @param {SampleWorkers} workers
 * @param {readonly Sample[]} samples
 */
async function tokenize(workers, samples) {
  await workers.captions(samples.map(({ texts, key }, row) => ({ texts, key, random: ["caption", row] })));
  return {};
}

/**
 * Batches, from the second on.
 * @param {import("@clip-ts/data").ShardBatchesOptions} options
 * @param {number} count of pairs
 */
async function stream({ workers, batchSize, ...options }, count) {
  const batches = createShardBatches({ ...options, workers, batchSize });
  await batches.next(); // starting is not what is compared
  const [startedAt, usedBefore] = [performance.now(), process.cpuUsage()];
  for (let made = 0; made < count; made += batchSize) await batches.next();
  const milliseconds = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(usedBefore);
  await batches.close();
  await workers.close();
  return { milliseconds, cpuMilliseconds: (user + system) / 1000 };
}

await serve(async ({ pattern, count, readCount, streamCount, size, mode, scale }) => {
  const set = await openTars(pattern);
  const preprocess = clipPreprocess(size);
  const { mean, std } = preprocess;
  const tokenizer = createClipTokenizer();
  const samples = await firstSamples(set, Math.max(count, readCount));
  const taken = samples.slice(0, count);
  const files = taken.map((sample) => reader.read(placeOf(sample)));
  /** @param {number} threads @param {number} slots */
  const poolOf = (threads, slots) =>
    createDecodePool({ preprocess, augment: { scale }, mode, tokenizer, seed, threads, slots });
  /** @type {Map<number, Promise<SampleWorkers>>} */
  const pools = new Map();
  /** @param {number} threads */
  const pool = (threads) => {
    const made = pools.get(threads) ?? poolOf(threads, 1);
    pools.set(threads, made);
    return made;
  };
  const shared = { source: set, tokenizer, batchSize: 64, seed, mean, std };

  /** @type {Record<string, (threads: number) => Promise<{ bytes?: number, milliseconds?: number }>>} */
  const parts = {
    read: () => read(samples.slice(0, readCount)),
    decode: async (threads) => {
      await inFlight(files, threads, (bytes) => decodeImage(bytes, "image"));
      return {};
    },
    crop: async (threads) => crop(await pool(threads), taken),
    tokenize: async (threads) => tokenize(await pool(threads), samples),
    stream: async (threads) => stream({ ...shared, workers: await poolOf(threads, 4) }, streamCount),
  };

  return {
    facts: { version: `sharp ${imageLibraryVersions().sharp}, ${mode}` },
    async run({ part, threads }) {
      const [startedAt, usedBefore] = [performance.now(), process.cpuUsage()];
      const result = await parts[part]?.(threads);
      const { user, system } = process.cpuUsage(usedBefore);
      return { milliseconds: performance.now() - startedAt, cpuMilliseconds: (user + system) / 1000, ...result };
    },
    clock: ({ milliseconds }) => milliseconds,
    processor: ({ cpuMilliseconds }) => cpuMilliseconds,
    show: (_, { bytes }) => ({ bytes }),
  };
});
