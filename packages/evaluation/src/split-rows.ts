import { randomStream, shuffled } from "@clip-ts/base";

/** Places of rows, parted in two. */
export interface RowSplit {
  readonly kept: readonly number[];
  readonly heldOut: readonly number[];
}

/**
 * Holds a share of each class's rows out, drawn by the seed: at least one of each class that has two,
 * none of a class that has one.
 */
export function splitRows(
  labels: ArrayLike<number>,
  { share, seed = 0 }: { readonly share: number; readonly seed?: number },
): RowSplit {
  const byClass = new Map<number, number[]>();
  Array.from(labels).forEach((label, row) => {
    byClass.set(label, [...(byClass.get(label) ?? []), row]);
  });
  const parts = [...byClass].map(([label, rows]) => {
    const count = rows.length < 2 ? 0 : Math.max(1, Math.round(share * rows.length));
    const order = shuffled(rows, randomStream(seed, "split", label));
    return { kept: order.slice(count), heldOut: order.slice(0, count) };
  });
  const inOrder = (rows: readonly number[]): number[] => rows.toSorted((a, b) => a - b);
  return {
    kept: inOrder(parts.flatMap(({ kept }) => kept)),
    heldOut: inOrder(parts.flatMap(({ heldOut }) => heldOut)),
  };
}
