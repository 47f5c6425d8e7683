import type { Elements } from "./functions.ts";

/** Arrays in pieces that one call passes. */
export function* piecesOf<T extends Elements>(values: T, maxElements: number): Generator<T> {
  for (let start = 0; start < values.length; start += maxElements) {
    yield values.subarray(start, Math.min(start + maxElements, values.length)) as T;
  }
}

/** Gathers what is too long for one call, columns by columns, through a smaller array. */
export async function gatherInPieces(
  all: Elements,
  { rank, size, maxElements }: { readonly rank: number; readonly size: number; readonly maxElements: number },
  gather: (all: Elements) => Promise<void>,
): Promise<void> {
  const own = all.length / size;
  const width = Math.max(1, Math.floor(maxElements / size));
  for (let start = 0; start < own; start += width) {
    const count = Math.min(width, own - start);
    const piece = new (all.constructor as Float32ArrayConstructor)(size * count) as Elements;
    piece.set(all.subarray(rank * own + start, rank * own + start + count), rank * count);
    await gather(piece);
    for (let from = 0; from < size; from += 1) {
      all.set(piece.subarray(from * count, (from + 1) * count), from * own + start);
    }
  }
}
