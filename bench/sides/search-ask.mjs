// @ts-check
// Opens the index of a folder in a new process and asks it query after query, one at a time.
import { readRows } from "../inputs/mixture.mjs";
import { vectorStores } from "../inputs/vector-stores.mjs";
import { serve } from "../measure/serve.mjs";

/** Queries that are asked before those that are timed: the first read an index from the disk. */
const uncounted = 50;

await serve(async ({ store, folder, file, rows, queries, dim, nearest }) => {
  const open = vectorStores[store];
  if (open === undefined) throw new Error(`there is no store "${store}"`);
  /** @type {Float32Array[]} */
  const asked = [];
  for await (const { values, rows: count } of readRows(file, { first: rows, count: queries, dim })) {
    for (let query = 0; query < count; query++) asked.push(values.slice(query * dim, (query + 1) * dim));
  }
  globalThis.gc?.();
  const before = process.memoryUsage.rss();
  const index = await open(folder, dim);
  return {
    facts: {},
    async run() {
      for (const vector of asked.slice(0, uncounted)) await index.search(vector, { count: nearest });
      /** @type {number[]} */
      const milliseconds = [];
      /** @type {string[][]} */
      const ids = [];
      for (const vector of asked) {
        const start = performance.now();
        const hits = await index.search(vector, { count: nearest });
        milliseconds.push(performance.now() - start);
        ids.push(hits.map(({ id }) => id));
      }
      globalThis.gc?.();
      return { milliseconds, ids, bytes: process.memoryUsage.rss() - before };
    },
    show: (_, result) => result,
  };
});
