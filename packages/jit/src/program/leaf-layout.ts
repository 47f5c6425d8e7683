import { sizeOf } from "@clip-ts/core";

/** The numbers an update rule knows a leaf by, such as its weight decay. */
export type LeafSettings = Readonly<Record<string, number>>;

/** Where one leaf lies in a flat array. */
export interface LeafPlace {
  readonly path: string;
  readonly shape: readonly number[];
  /** Index of the first element. */
  readonly start: number;
  readonly length: number;
}

/** Leaves with equal settings, which one elementwise function can update as a single range. */
export interface LeafGroup {
  readonly settings: LeafSettings;
  readonly start: number;
  readonly end: number;
  /** Of a leaf that is updated as a whole, alone in its group. */
  readonly shape?: readonly number[];
}

/** How the leaves of a tree lie in one flat array. */
export interface LeafLayout {
  readonly places: readonly LeafPlace[];
  readonly groups: readonly LeafGroup[];
  /** Elements in all, gaps included. */
  readonly length: number;
}

/** Leaves start at multiples of this many elements: one cache line of float32. */
const alignment = 16;

const keyOf = (settings: LeafSettings): string =>
  JSON.stringify(Object.entries(settings).toSorted(([a], [b]) => (a < b ? -1 : 1)));

/**
 * Lays leaves out one after the other, those with equal settings side by side; each of `whole` is a
 * group of its own.
 */
export function layOutLeaves(
  leaves: Readonly<Record<string, LeafSettings>>,
  shapeOf: (path: string) => readonly number[],
  whole: ReadonlySet<string> = new Set(),
): LeafLayout {
  const alike = new Map<string, string[]>();
  for (const [path, settings] of Object.entries(leaves)) {
    const key = whole.has(path) ? path : keyOf(settings);
    alike.set(key, [...(alike.get(key) ?? []), path]);
  }
  const places: LeafPlace[] = [];
  const groups: LeafGroup[] = [];
  let next = 0;
  for (const paths of alike.values()) {
    const start = next;
    for (const path of paths) {
      const shape = shapeOf(path);
      const length = sizeOf(shape);
      places.push({ path, shape, start: next, length });
      next += Math.ceil(length / alignment) * alignment;
    }
    const first = paths[0] as string;
    const settings = leaves[first] as LeafSettings;
    const { shape, length } = places.at(-1) as LeafPlace;
    groups.push(
      whole.has(first)
        ? { settings, start, end: start + length, shape }
        : { settings, start, end: next },
    );
  }
  return { places, groups, length: next };
}
