/** How large a part has to be. */
export interface PartSize<Item> {
  /** Items at least. */
  readonly items: number;
  /** Sum of their sizes at least. */
  readonly size: number;
  sizeOf(item: Item): number;
}

/** Joins neighbours until a part is large enough; what is left over goes with the last part if its size is too small. */
export function gather<Item>(items: Iterable<Item>, least: PartSize<Item>): Item[][] {
  const parts: Item[][] = [];
  let part: Item[] = [];
  let size = 0;
  for (const item of items) {
    part.push(item);
    size += least.sizeOf(item);
    if (part.length < least.items || size < least.size) continue;
    parts.push(part);
    part = [];
    size = 0;
  }
  const last = parts.at(-1);
  if (last !== undefined && size < least.size) for (const item of part) last.push(item);
  else if (part.length > 0) parts.push(part);
  return parts;
}

/** Where each of the lengths begins when they lie one after another. */
export function startsOf(lengths: readonly number[]): number[] {
  let sum = 0;
  return lengths.map((length) => {
    const start = sum;
    sum += length;
    return start;
  });
}

/** The last index whose start is not above `place`; `starts` ascend from 0. */
export function lastStart(starts: readonly number[], place: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (starts[middle]! <= place) low = middle;
    else high = middle - 1;
  }
  return low;
}
