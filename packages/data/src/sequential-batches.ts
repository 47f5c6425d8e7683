import { preprocessInTurns } from "@clip-ts/image";
import { assembleBatch } from "./assemble-batch.ts";
import type { Batch, Cursor } from "./batch.ts";
import { resolveOptions, type SharedBatchOptions } from "./batch-options.ts";
import { createImageLoader } from "./image-loader.ts";
import type { PairRecord, PlannedPair } from "./pair-source.ts";
import { prefetched } from "./prefetch.ts";

/** Options of sequentialBatches. */
export type SequentialOptions = SharedBatchOptions;

/** A pair whose image is ready for the model. */
interface PreparedPair extends PlannedPair {
  /** [3, size, size], normalised. */
  readonly planes: Float32Array;
}

/** The pixels of the pairs that could be read, row by row. */
function joinPlanes(pairs: readonly PreparedPair[], size: number): Float32Array {
  const length = 3 * size * size;
  const rows = new Float32Array(pairs.length * length);
  for (const [row, { planes }] of pairs.entries()) rows.set(planes, row * length);
  return rows;
}

/**
 * Every pair once, in the source's order with its first caption: for evaluation. The last batch may
 * be smaller. Unreadable images are left out, so that nothing is measured twice; `keys` says what a
 * batch holds. Rejects with "bad-data" when none can be read or more than `maxSkipped` cannot.
 */
export async function* sequentialBatches(
  options: SequentialOptions,
): AsyncGenerator<Batch, void, undefined> {
  const settings = resolveOptions(options);
  const { source, batchSize, prefetch } = settings;
  const loader = createImageLoader({ ...settings, cacheBytes: 0 });
  const prepare = async (record: PairRecord): Promise<PreparedPair | undefined> => {
    const pixels = await loader.load(record);
    if (pixels === undefined) return undefined;
    const planes = await preprocessInTurns(pixels, settings.preprocess);
    return { record, caption: record.captions[0] ?? "", planes };
  };
  const produce = async (position: Cursor): Promise<Batch> => {
    const start = position.batch * batchSize;
    const records = source.records.slice(start, start + batchSize);
    const pairs = (await Promise.all(records.map(prepare))).filter((pair) => pair !== undefined);
    const pixelValues = joinPlanes(pairs, settings.preprocess.size);
    return assembleBatch(pairs, pixelValues, position, settings);
  };

  const stepsPerEpoch = Math.ceil(source.records.length / batchSize);
  const stream = prefetched({ stepsPerEpoch, prefetch, produce, epochs: 1, stop: loader.stop });
  try {
    for (let step = 0; step < stepsPerEpoch; step++) {
      const batch = await stream.next();
      if (batch.batch > 0) yield batch;
    }
    if (loader.skipped.list.length === source.records.length) throw loader.skipped.refusal();
  } finally {
    await stream.close();
  }
}
