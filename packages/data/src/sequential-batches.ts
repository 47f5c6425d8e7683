import { preprocess } from "@clip-ts/image";
import { assembleBatch, type PreparedPair } from "./assemble-batch.ts";
import type { Batch, Cursor } from "./batch.ts";
import { resolveOptions, type SharedBatchOptions } from "./batch-options.ts";
import { createImageLoader } from "./image-loader.ts";
import type { PairRecord } from "./pair-source.ts";
import { prefetched } from "./prefetch.ts";

/** Options of sequentialBatches. */
export type SequentialOptions = SharedBatchOptions;

/**
 * Every pair once, in the source's order with its first caption: for evaluation. The last batch may
 * be smaller. Unreadable images are left out, so that nothing is measured twice; `keys` says what a
 * batch holds. Rejects with "bad-data" when none can be read.
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
    const planes = preprocess(pixels, settings.preprocess);
    return { record, caption: record.captions[0] ?? "", planes };
  };
  const produce = async (position: Cursor): Promise<Batch> => {
    const start = position.batch * batchSize;
    const records = source.records.slice(start, start + batchSize);
    const pairs = (await Promise.all(records.map(prepare))).filter((pair) => pair !== undefined);
    return assembleBatch(pairs, position, settings);
  };

  const stepsPerEpoch = Math.ceil(source.records.length / batchSize);
  const stream = prefetched({ stepsPerEpoch, prefetch, produce, epochs: 1, stop: loader.stop });
  try {
    for (let step = 0; step < stepsPerEpoch; step++) {
      const batch = await stream.next();
      if (batch.batch > 0) yield batch;
    }
    if (loader.skipped.length === source.records.length) throw loader.noneReadable(source.label);
  } finally {
    await stream.close();
  }
}
