// @ts-check
// One pass over a set in tars, as training reads it, without a model: what memory the process holds on the way.
import { createShardBatches } from "@clip-ts/data";
import { clipPreprocess } from "@clip-ts/image";
import { createDecodePool } from "@clip-ts/node";
import { createClipTokenizer } from "@clip-ts/tokenizer";
import { openTars } from "../inputs/read-shards.mjs";
import { serve } from "../measure/serve.mjs";

const seed = 0;

await serve(async ({ pattern, pairs, batch: batchSize, size, threads, samples }) => {
  const set = await openTars(pattern);
  const preprocess = clipPreprocess(size);
  const { mean, std } = preprocess;
  const tokenizer = createClipTokenizer();
  const augment = { scale: /** @type {const} */ ([0.9, 1]) };
  const workers = await createDecodePool({ preprocess, augment, tokenizer, seed, threads, slots: 4 });
  const batches = createShardBatches({ source: set, workers, tokenizer, batchSize, seed, mean, std });
  return {
    facts: { isCollected: globalThis.gc !== undefined },
    async run() {
      const total = Math.floor(pairs / batchSize);
      /** @type {number[]} */
      const resident = [];
      for (let made = 1; made <= total; made++) {
        await batches.next();
        if (Math.floor((made * samples) / total) === resident.length) continue;
        globalThis.gc?.();
        resident.push(process.memoryUsage.rss());
      }
      return { resident, pairs: total * batchSize };
    },
    show: (_, result) => result,
  };
});
