import type * as Lance from "@lancedb/lancedb";

/**
 * What LanceDB compares unit vectors by: the square of their distance, in the order of their cosines. It goes through a
 * partition by it in a fourth of the time that its own cosine takes (bench/lance-indexes.mjs).
 */
export const distanceType = "l2" as const;

/** How the vectors of a table of some size are searched. */
export type Form =
  | { readonly kind: "none" }
  | { readonly kind: "flat"; readonly partitions: number }
  | { readonly kind: "quantized"; readonly partitions: number };

/** From how many rows on a table is searched by which structure. */
export interface FormLimits {
  /** Fewer are compared one by one, which takes some milliseconds. */
  readonly indexFrom: number;
  /** From here on vectors are kept once more in few bits; those found by them are compared again in full. */
  readonly quantizeFrom: number;
}

/** Where none are given. */
export const usualLimits: FormLimits = { indexFrom: 20_000, quantizeFrom: 1_000_000 };

/** Half as many as the root of the rows: what is near lies in fewer of them, and they are made sooner, than in more. */
const partitionsOf = (rows: number): number => Math.max(1, Math.round(Math.sqrt(rows) / 2));

/** The form that a number of rows asks for. */
export function formFor(rows: number, limits: FormLimits): Form {
  if (rows < limits.indexFrom) return { kind: "none" };
  const partitions = partitionsOf(rows);
  return { kind: rows < limits.quantizeFrom ? "flat" : "quantized", partitions };
}

/** What LanceDB calls the index of a form. */
const typeNames = { none: undefined, flat: "IvfFlat", quantized: "IvfRq" } as const;

/** What is asked of a search, found out about the index. */
export interface Probes {
  /** Partitions that are searched, those of the nearest centres. */
  readonly partitions: number;
  /** How many times the wanted rows are compared again in full; undefined where all were. */
  readonly refineFactor?: number;
}

/** One in 24 of the partitions: recall@10 above 0.99 on clustered vectors, measured by bench/lance-indexes.mjs. */
const share = 1 / 24;
const fewest = 6;
/** Candidates for each row that is wanted. */
const candidates = 50;

/**
 * How far to look for `count` of the rows that meet the filter.
 * @param matching - rows that meet it, of `rows` in all
 */
export function probesFor(
  index: { readonly type: string; readonly rows: number },
  { count, matching }: { readonly count: number; readonly matching: number },
): Probes {
  const partitions = partitionsOf(index.rows);
  const perPartition = Math.max(matching / partitions, Number.EPSILON);
  // The fewer rows meet the filter, the farther the nearest of them lie.
  const thinned = Math.sqrt(index.rows / Math.max(matching, 1));
  const wanted = Math.max(fewest, partitions * share * thinned, (candidates * count) / perPartition);
  const refineFactor = index.type === typeNames.flat ? undefined : 10;
  return {
    partitions: Math.ceil(Math.min(partitions, wanted)),
    ...(refineFactor === undefined ? {} : { refineFactor }),
  };
}

/** Rows of which an index may not know before it is made anew: it finds them, but one by one. */
const unindexedShare = 0.05;
/** Versions and small files that a table may have before they are joined. */
const manyPieces = 32;

/** What a table is like. */
export interface TableState {
  readonly rows: number;
  readonly versions: number;
  readonly smallFiles: number;
  readonly index: Pick<Lance.IndexConfig, "indexType" | "numIndexedRows" | "numUnindexedRows"> | undefined;
}

/**
 * Whether the index of a table is of another kind than its rows ask for, or was made when the table was another one.
 * A row that was replaced or taken out still counts as indexed.
 */
function isIndexStale({ rows, index }: TableState, form: Form): boolean {
  if (index === undefined || form.kind === "none") return index !== undefined || form.kind !== "none";
  const [indexed, unindexed] = [index.numIndexedRows ?? 0, index.numUnindexedRows ?? 0];
  const changed = unindexed + Math.max(0, indexed + unindexed - rows);
  return index.indexType !== typeNames[form.kind] || changed > rows * unindexedShare;
}

/**
 * What `compact` has to do: "nothing", or "join" files and drop old versions, with the index made anew if there is
 * one: LanceDB writes it whole each time it joins files, so that few changes are not worth it.
 */
export function workOf(state: TableState, form: Form): "nothing" | "join" {
  if (isIndexStale(state, form)) return "join";
  const pieces = Math.max(state.versions, state.smallFiles);
  return pieces > (form.kind === "none" ? 1 : manyPieces) ? "join" : "nothing";
}
