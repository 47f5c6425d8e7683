import type { FlatTree } from "@clip-ts/core";
import { add, concat, dispose, slice, tidy, type Scalar, type Tensor } from "@tensorflow/tfjs-core";
import {
  differentiateRows,
  pullBackRows,
  type EncodedRows,
  type FeatureRows,
} from "./cached-rows.ts";

/** A loss that compares the rows of a whole batch with each other, and how to compute the rows. */
export interface CachedObjective<Batch extends object, Aux extends object> {
  /** Leaves to differentiate by. */
  readonly params: FlatTree<Tensor>;
  /** Paths of the leaves that only `compare` uses, such as the logit scale; `encode` uses the others. */
  readonly compared: readonly string[];
  /** Makes the tensors of each micro-batch, when its turn comes; asked twice, disposed each time. */
  readonly batches: readonly (() => Batch)[];
  /** Must compute the same rows each time; `before` is the aside of the micro-batch before. */
  readonly encode: (
    params: FlatTree<Tensor>,
    batch: Batch,
    before: FlatTree<Tensor> | undefined,
  ) => EncodedRows;
  /** The loss of all rows, in the order of the batches. */
  readonly compare: (
    params: FlatTree<Tensor>,
    features: FeatureRows,
  ) => { readonly loss: Tensor; readonly aux?: Aux };
}

/** The loss of the whole batch with its gradient. The caller owns all tensors. */
export interface CachedGradient<Aux> {
  readonly value: Scalar;
  readonly gradient: Record<string, Tensor>;
  readonly aux: Aux | undefined;
  /** The last micro-batch's aside. */
  readonly aside: FlatTree<Tensor>;
}

interface Cache {
  /** Rows of each micro-batch. */
  readonly parts: readonly FeatureRows[];
  readonly aside: FlatTree<Tensor>;
}

/** First pass: the features of every micro-batch, one after the other, without a tape. */
function cacheFeatures<Batch extends object, Aux extends object>({
  params,
  batches,
  encode,
}: CachedObjective<Batch, Aux>): Cache {
  const parts: FeatureRows[] = [];
  let aside: FlatTree<Tensor> | undefined;
  for (const make of batches) {
    const encoded = tidy(() => encode(params, make(), aside) as never) as EncodedRows;
    if (aside !== undefined) dispose(aside);
    parts.push(encoded.features);
    aside = encoded.aside;
  }
  return { parts, aside: aside ?? {} };
}

function joined(parts: readonly FeatureRows[]): FeatureRows {
  const names = Object.keys(parts[0] ?? {});
  return Object.fromEntries(
    names.map((name) => [
      name,
      concat(
        parts.map((rows) => rows[name] as Tensor),
        0,
      ),
    ]),
  );
}

/** The sum of two gradients. CONSUMES both, leaf by leaf. */
function sumOf(
  total: Record<string, Tensor> | undefined,
  part: Record<string, Tensor>,
): Record<string, Tensor> {
  if (total === undefined) return part;
  const sums = Object.entries(part).map(([path, leaf]): [string, Tensor] => {
    const old = total[path] as Tensor;
    const next = add(old, leaf);
    dispose([old, leaf]);
    return [path, next];
  });
  return Object.fromEntries(sums);
}

/** `rows` rows of x from `start` on. */
function rowsFrom(x: Tensor, start: number, rows: number): Tensor {
  const [, ...rest] = x.shape;
  return slice(x, [start, ...rest.map(() => 0)], [rows, ...rest]);
}

/** Second pass: every micro-batch once more, with a tape, for its share of the gradient. */
function pullBack<Batch extends object, Aux extends object>(
  { params, batches, encode }: CachedObjective<Batch, Aux>,
  leaves: FlatTree<Tensor>,
  {
    parts,
    cotangents,
  }: { readonly parts: readonly FeatureRows[]; readonly cotangents: FeatureRows },
): Record<string, Tensor> {
  if (Object.keys(leaves).length === 0) return {};
  let total: Record<string, Tensor> | undefined;
  let start = 0;
  batches.forEach((make, index) => {
    const rows = Object.values(parts[index] ?? {})[0]?.shape[0] ?? 0;
    const part = tidy(() => {
      const own = Object.entries(cotangents).map(([name, all]): [string, Tensor] => [
        name,
        rowsFrom(all, start, rows),
      ]);
      const batch = make();
      const run = (tree: FlatTree<Tensor>): EncodedRows =>
        encode({ ...params, ...tree }, batch, undefined);
      return pullBackRows(run, leaves, Object.fromEntries(own));
    });
    total = sumOf(total, part);
    start += rows;
  });
  return total ?? {};
}

/**
 * The exact gradient of a loss over a batch that is too large to be differentiated at once (GradCache,
 * Gao et al. 2021, arXiv:2101.06983): the features of all micro-batches are computed without a tape,
 * the loss is differentiated by them, and each micro-batch is run again to pull its share back to the
 * parameters. Memory is that of one micro-batch; time grows by one forward pass. Equal to the gradient
 * of the whole batch up to rounding; the leaves of `compared` are counted once. A graph traced from it
 * holds every micro-batch: programs compile its two gradients, `differentiateRows` and `pullBackRows`,
 * and run the loop themselves.
 */
export function cachedGradient<Batch extends object, Aux extends object>(
  objective: CachedObjective<Batch, Aux>,
): CachedGradient<Aux> {
  const { params, compared, compare } = objective;
  const isCompared = new Set(compared);
  const [compares, encodes] = [true, false].map((wanted) =>
    Object.fromEntries(Object.entries(params).filter(([path]) => isCompared.has(path) === wanted)),
  ) as [Record<string, Tensor>, Record<string, Tensor>];
  const { parts, aside } = cacheFeatures(objective);
  const features = tidy(() => joined(parts) as never) as FeatureRows;
  const { value, cotangents, gradient, aux } = differentiateRows(
    (leaves, rows) => compare({ ...params, ...leaves }, rows),
    compares,
    features,
  );
  const pulled = pullBack(objective, encodes, { parts, cotangents });
  dispose([...parts, features, cotangents] as never);
  const all = { ...pulled, ...gradient };
  const inOrder = Object.keys(params).map((path): [string, Tensor] => [path, all[path] as Tensor]);
  return { value, gradient: Object.fromEntries(inOrder), aux, aside };
}
