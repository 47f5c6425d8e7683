import type * as Lance from "@lancedb/lancedb";
import { distanceType, formFor, workOf, type Form, type FormLimits, type TableState } from "./form.ts";
import { withRetries } from "./retry.ts";

/** Of the columns vector and id, as LanceDB calls them by itself. */
const vectorIndex = "vector_idx";
const idIndex = "id_idx";

/** The index of the vectors, if there is one. */
export async function findVectorIndex(table: Lance.Table): Promise<Lance.IndexConfig | undefined> {
  const indices = await table.listIndices();
  return indices.find(({ name }) => name === vectorIndex);
}

async function stateOf(table: Lance.Table): Promise<TableState> {
  const [rows, versions, stats, index] = await Promise.all([
    table.countRows(),
    table.listVersions(),
    table.stats(),
    findVectorIndex(table),
  ]);
  return { rows, versions: versions.length, smallFiles: stats.fragmentStats.numSmallFragments, index };
}

function configOf(lance: typeof Lance, form: Exclude<Form, { kind: "none" }>): Lance.Index {
  const options = { distanceType, numPartitions: form.partitions } as const;
  return form.kind === "flat" ? lance.Index.ivfFlat(options) : lance.Index.ivfRq(options);
}

/**
 * Joins small files, takes out what was deleted and old versions, and makes the index that its rows ask for.
 * The index goes first: while there is one, LanceDB writes it anew when it joins files, after it dropped old
 * versions, so that the old one would stay on disk. Until the new one is there, searches compare every row. Files
 * of a writer that was killed go when they are a week old: before that they may be of one that still writes.
 */
export async function compactTable(
  lance: typeof Lance,
  { table, place, limits }: { readonly table: Lance.Table; readonly place: string; readonly limits: FormLimits },
): Promise<void> {
  const state = await stateOf(table);
  const form = formFor(state.rows, limits);
  if (workOf(state, form) === "nothing") return;
  for (const name of [vectorIndex, idIndex]) {
    await withRetries(place, async () => {
      const indices = await table.listIndices();
      if (indices.some((index) => index.name === name)) await table.dropIndex(name);
    });
  }
  await withRetries(place, async () => table.optimize({ cleanupOlderThan: new Date() }));
  if (form.kind === "none") return;
  // LanceDB takes each settings object once, so that every try makes its own.
  await withRetries(place, async () => table.createIndex("id", { config: lance.Index.btree() }));
  await withRetries(place, async () => table.createIndex("vector", { config: configOf(lance, form) }));
}
