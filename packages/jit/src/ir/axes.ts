import type { PlainData } from "./graph.ts";

/** Axes counted from the front; none named are all of `rank`. */
export function axesOf(given: PlainData, rank: number): number[] {
  if (given == null) return Array.from({ length: rank }, (_, axis) => axis);
  const list = Array.isArray(given) ? (given as readonly number[]) : [given as number];
  return list.map((axis) => (axis < 0 ? axis + rank : axis));
}
