import { ClipError, shown } from "@clip-ts/base";
import type { FeatureRows } from "@clip-ts/core";
import { checkQuery, type Query, type QueryTerm } from "./query.ts";

/** What turns words and pictures into unit rows, in the order they are given. */
export interface QueryEmbedders {
  texts(texts: readonly string[]): Promise<FeatureRows>;
  /** By path or address. Absent where pictures cannot be read. */
  pictures?(names: readonly string[]): Promise<FeatureRows>;
  /** Of an index, by id. `searchPictures` reads them from its own. */
  rows?(ids: readonly string[]): Promise<FeatureRows>;
}

type Embed = (values: readonly string[]) => Promise<FeatureRows>;

/** Terms by kind, with what embeds them and what to do without. */
const kinds: readonly {
  readonly kind: QueryTerm["kind"];
  readonly embed: (embedders: QueryEmbedders) => Embed | undefined;
  readonly absent: string;
}[] = [
  // Pictures first: a model that was opened for them reads words as well.
  { kind: "picture", embed: (embedders) => embedders.pictures, absent: "pictures cannot be read here; ask by words" },
  { kind: "text", embed: (embedders) => embedders.texts, absent: "" },
  { kind: "row", embed: (embedders) => embedders.rows, absent: "there is no index to take a picture from" },
];

/** The least length of the sum of terms, as a share of their weights, that still points somewhere. */
const leastLength = 1e-3;

/** Vectors of one kind of terms, by value: one call, each value once. */
async function embedKind(values: readonly string[], embed: Embed): Promise<ReadonlyMap<string, Float32Array>> {
  const different = [...new Set(values)];
  const rows = await embed(different);
  if (rows.rows !== different.length) {
    throw new ClipError("bad-shape", `query: expected ${different.length} rows of features, got ${rows.rows}`);
  }
  return new Map(different.map((value, row) => [value, rows.values.subarray(row * rows.dim, (row + 1) * rows.dim)]));
}

/** Every term's vector. */
async function embedTerms(terms: readonly QueryTerm[], embedders: QueryEmbedders): Promise<Float32Array[]> {
  const vectors = new Map<QueryTerm["kind"], ReadonlyMap<string, Float32Array>>();
  for (const { kind, embed, absent } of kinds) {
    const values = terms.filter((term) => term.kind === kind).map(({ value }) => value);
    if (values.length === 0) continue;
    const embedder = embed(embedders);
    if (embedder === undefined) throw new ClipError("unsupported", `query, ${shown(values[0])}: ${absent}`);
    vectors.set(kind, await embedKind(values, embedder));
  }
  return terms.map(({ kind, value }) => vectors.get(kind)?.get(value) as Float32Array);
}

/**
 * The unit vector that a query stands for: the sum of its terms' unit rows, each times its weight, at length 1. All its
 * texts are embedded in one call, all pictures in another. [dim]
 * @throws ClipError "bad-argument" where the terms cancel out, "unsupported" for pictures where none can be read.
 */
export async function embedQuery(query: Query, embedders: QueryEmbedders): Promise<Float32Array> {
  checkQuery(query);
  const vectors = await embedTerms(query.terms, embedders);
  const dim = vectors[0]?.length ?? 0;
  const sum = new Float64Array(dim);
  let weights = 0;
  query.terms.forEach(({ value, weight }, index) => {
    const vector = vectors[index] as Float32Array;
    if (vector.length !== dim) {
      throw new ClipError("bad-shape", `query, ${shown(value)}: expected ${dim} features, got ${vector.length}`);
    }
    vector.forEach((feature, place) => (sum[place] = (sum[place] as number) + weight * feature));
    weights += Math.abs(weight);
  });
  const length = Math.sqrt(sum.reduce((total, feature) => total + feature * feature, 0));
  if (!Number.isFinite(length)) {
    throw new ClipError("bad-data", "query: expected features that are numbers, got some that are not finite");
  }
  if (length >= leastLength * weights) return Float32Array.from(sum, (feature) => feature / length);
  throw new ClipError(
    "bad-argument",
    "query: its terms cancel each other out; take away less, or ask for something else",
  );
}
