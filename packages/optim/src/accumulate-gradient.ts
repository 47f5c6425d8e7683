import type { FlatTree } from "@clip-ts/core";
import { add, concat, dispose, slice, tidy, type Tensor } from "@tensorflow/tfjs-core";
import type { GradientParts } from "./gradient-parts.ts";
import type { LeafGradient, Tensors } from "./leaf-objective.ts";

/** A batch that comes in micro-batches. */
export interface AccumulatedBatch {
  /** Makes the tensors of each micro-batch, when its turn comes; asked twice, disposed each time. */
  readonly parts: readonly (() => Tensors)[];
  /** What belongs to all of them. */
  readonly shared: Tensors;
}

/** Rows of each micro-batch. */
interface Cache {
  readonly rows: readonly Tensors[];
  readonly statistics: FlatTree<Tensor>;
}

/** First pass: the rows of every micro-batch, one after the other, without a tape. */
function cacheRows(
  { encode }: GradientParts,
  leaves: FlatTree<Tensor>,
  parts: AccumulatedBatch["parts"],
): Cache {
  const rows: Tensors[] = [];
  let statistics: FlatTree<Tensor> = {};
  for (const make of parts) {
    const before = { ...leaves, ...statistics };
    const encoded = tidy(() => encode(before, make()));
    dispose({ ...statistics });
    rows.push(encoded.features);
    statistics = encoded.statistics;
  }
  return { rows, statistics };
}

function joined(parts: readonly Tensors[]): Tensors {
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
function pullBackAll(
  parts: GradientParts,
  leaves: FlatTree<Tensor>,
  batches: AccumulatedBatch["parts"],
  { rows, cotangents }: { readonly rows: readonly Tensors[]; readonly cotangents: Tensors },
): Record<string, Tensor> {
  let total: Record<string, Tensor> | undefined;
  let start = 0;
  batches.forEach((make, index) => {
    const count = Object.values(rows[index] ?? {})[0]?.shape[0] ?? 0;
    const share = tidy(() => {
      const own = Object.entries(cotangents).map(([name, all]): [string, Tensor] => [
        name,
        rowsFrom(all, start, count),
      ]);
      return { ...parts.pullBack(leaves, make(), Object.fromEntries(own)) };
    });
    total = sumOf(total, share);
    start += count;
  });
  return total ?? {};
}

/**
 * The exact gradient of an objective over a batch that is too large to be differentiated at once (GradCache,
 * Gao et al. 2021, arXiv:2101.06983): the rows of all micro-batches are computed without a tape, the loss
 * is differentiated by them, and each micro-batch is run again to pull its share back to the parameters.
 * Memory is that of one micro-batch; time grows by one forward pass. Equal to the gradient of the whole
 * batch up to rounding; the leaves that only the comparison uses are counted once. Programs compile the
 * parts and run this loop themselves.
 */
export function accumulateGradient(
  parts: GradientParts,
  leaves: FlatTree<Tensor>,
  batch: AccumulatedBatch,
): LeafGradient {
  const { rows, statistics } = cacheRows(parts, leaves, batch.parts);
  const features = tidy(() => joined(rows));
  const { cotangents, grads: compared, ...seen } = parts.compare(leaves, features, batch.shared);
  const pulls = parts.trained.length > parts.compared.length;
  const pulled = pulls ? pullBackAll(parts, leaves, batch.parts, { rows, cotangents }) : {};
  for (const cached of [...rows, features, cotangents]) dispose({ ...cached });
  const all = { ...pulled, ...compared };
  const grads = Object.fromEntries(parts.trained.map((path) => [path, all[path] as Tensor]));
  return { ...seen, grads, statistics };
}
