import { ClipError, shown } from "@clip-ts/base";
import type { FeatureRows } from "@clip-ts/core";
import type { QueryEmbedders } from "../query/embed-query.ts";
import type { StoredRow, VectorIndex } from "../vector-index.ts";
import { blendCount, blendLengths, differenceProduct, drawBlends, leans, meanCosine, type Blends } from "./blends.ts";
import { genericCaptions } from "./captions.ts";

/** What generic captions score on an index: by it a query's scores are judged. Plain data, stored as JSON. */
export interface Background {
  readonly format: 1;
  /** Rows of the index when it was measured. */
  readonly rows: number;
  /** Nominal share of queries for what is not there that find something all the same. */
  readonly falsePositiveRate: number;
  /** [leans][blends] best cosines that any row has with blends of the captions, greatest first, see `drawBlends`. */
  readonly best: readonly (readonly number[])[];
}

/** Least and greatest false-positive rate: below, the few greatest of the blends would decide. */
export const rateRange = { least: 0.005, greatest: 0.5 } as const;

/** @throws ClipError "bad-argument" for a rate that cannot be kept. */
export function checkRate(rate: number): number {
  if (rate >= rateRange.least && rate <= rateRange.greatest) return rate;
  const { least, greatest } = rateRange;
  throw new ClipError("bad-argument", `falsePositiveRate: expected a share from ${least} to ${greatest}, got ${rate}`);
}

/** Cosines of a row with every caption, four captions at a time: the row is read from memory a quarter as often. */
function cosinesWith({ values, rows, dim }: FeatureRows, row: Float32Array, cosines: Float32Array): void {
  for (let caption = 0; caption < rows; caption += 4) {
    let [a, b, c, d] = [0, 0, 0, 0];
    const start = caption * dim;
    for (let k = 0; k < dim; k++) {
      const feature = row[k] as number;
      a += feature * (values[start + k] as number);
      b += feature * (values[start + dim + k] as number);
      c += feature * (values[start + 2 * dim + k] as number);
      d += feature * (values[start + 3 * dim + k] as number);
    }
    cosines[caption] = a;
    cosines[caption + 1] = b;
    cosines[caption + 2] = c;
    cosines[caption + 3] = d;
  }
}

/** The same rows, as many as four divides: the last few are left out. */
function wholeFours({ values, rows, dim }: FeatureRows): FeatureRows {
  const fours = rows - (rows % 4);
  return { values: values.subarray(0, fours * dim), rows: fours, dim };
}

/** Best cosines with so much of the mean in the blends. */
interface Measured {
  readonly lean: number;
  readonly lengths: Float64Array;
  readonly best: Float64Array;
}

/** Raises the best cosines by those of one row. */
function raise(measured: readonly Measured[], blends: Blends, cosines: Float32Array): void {
  const mean = meanCosine(cosines);
  for (let blend = 0; blend < blendCount; blend++) {
    const product = differenceProduct(blends, blend, { cosines, mean });
    for (const { lean, lengths, best } of measured) {
      const cosine = (lean * mean + product) / (lengths[blend] as number);
      if (cosine > (best[blend] as number)) best[blend] = cosine;
    }
  }
}

/** The features of a row that was asked for with its vector. */
function vectorOf({ id, vector }: StoredRow, dim: number): Float32Array {
  if (vector?.length === dim) return vector;
  throw new ClipError("bad-shape", `${shown(id)}: expected a row of ${dim} features, got ${shown(vector?.length)}`);
}

/** Greatest first, to a millionth. */
const sorted = (cosines: Float64Array): number[] =>
  Array.from(cosines.toSorted().toReversed(), (cosine) => Math.round(cosine * 1e6) / 1e6);

/**
 * Measures the background of an index by reading it once, in memory for a few of its rows: what its best row scores for
 * each of 1,500 captions of what is not there, see `Blends`.
 *
 * Generic captions themselves ("a dog on a sofa") would not do: each fits something in most people's pictures or it does
 * not, and how many do is unknown. The more of them fit, the less is found; blends find about as much whether none or
 * nearly all of them fit. `node bench/nothing-fits.mjs` compares both, and two other ways.
 */
export async function measureBackground(
  index: VectorIndex,
  embedders: QueryEmbedders,
  options: { readonly falsePositiveRate?: number; readonly onProgress?: (rows: number) => void } = {},
): Promise<Background> {
  const { falsePositiveRate = 0.05, onProgress } = options;
  checkRate(falsePositiveRate);
  const { dim } = index;
  const captions = wholeFours(await embedders.texts(genericCaptions));
  if (captions.dim !== dim) {
    throw new ClipError("bad-shape", `background: the index has ${dim} features a row, the model ${captions.dim}`);
  }
  const blends = drawBlends(captions);
  const measured = leans.map((lean) => ({
    lean,
    lengths: blendLengths(blends, lean),
    best: new Float64Array(blendCount).fill(Number.NEGATIVE_INFINITY),
  }));
  const cosines = new Float32Array(captions.rows);
  let rows = 0;
  for await (const some of index.scan({ withVectors: true })) {
    for (const row of some) {
      cosinesWith(captions, vectorOf(row, dim), cosines);
      raise(measured, blends, cosines);
    }
    rows += some.length;
    onProgress?.(rows);
  }
  return { format: 1, rows, falsePositiveRate, best: rows === 0 ? [] : measured.map(({ best }) => sorted(best)) };
}

/** Share of an index that may have changed before its background is measured anew. */
const staleShare = 0.1;

/** Whether a background is to be measured anew, of an index with `rows` of which `changed` came, went or are others. */
export function isBackgroundStale(background: Background, index: { rows: number; changed?: number }): boolean {
  const changed = Math.max(index.changed ?? 0, Math.abs(index.rows - background.rows));
  return changed > staleShare * background.rows;
}
