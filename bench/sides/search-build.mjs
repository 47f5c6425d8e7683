// @ts-check
// Puts a mixture into a vector index in a folder, 10,000 rows at a time, and brings it into its best form.
import { idOf, readRows } from "../inputs/mixture.mjs";
import { vectorStores } from "../inputs/vector-stores.mjs";
import { serve } from "../measure/serve.mjs";

await serve(async ({ store, folder, file, rows, dim }) => ({
  facts: {},
  async run() {
    const open = vectorStores[store];
    if (open === undefined) throw new Error(`there is no store "${store}"`);
    const index = await open(folder, dim);
    for await (const { first, ...vectors } of readRows(file, { first: 0, count: rows, dim })) {
      const ids = Array.from({ length: vectors.rows }, (_, row) => idOf(first + row));
      await index.add({ ids, vectors, fields: ids.map(() => ({})) });
    }
    await index.compact();
    const count = await index.count();
    await index.close();
    return count;
  },
  show: (_, count) => count,
}));
