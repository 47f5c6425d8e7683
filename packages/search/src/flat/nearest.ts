import { compareIds } from "../ids.ts";
import type { Place } from "./block.ts";

/** A row and how near it is. */
export interface Candidate extends Place {
  readonly similarity: number;
}

const idOf = ({ block, row }: Place): string => block.ids[row] as string;

/** Below 0 where `a` comes before `b`: nearer, or as near and of a smaller id. */
function compare(a: Candidate, b: Candidate): number {
  return b.similarity - a.similarity || compareIds(idOf(a), idOf(b));
}

/** Lets the last of a heap, or a new first, find its place: a parent comes after its children. */
function sink(heap: Candidate[]): void {
  const moved = heap[0] as Candidate;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && compare(heap[child + 1] as Candidate, heap[child] as Candidate) > 0) child++;
    if (compare(heap[child] as Candidate, moved) <= 0) break;
    heap[at] = heap[child] as Candidate;
    at = child;
  }
  heap[at] = moved;
}

function rise(heap: Candidate[]): void {
  const moved = heap.at(-1) as Candidate;
  let at = heap.length - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (compare(heap[parent] as Candidate, moved) >= 0) break;
    heap[at] = heap[parent] as Candidate;
    at = parent;
  }
  heap[at] = moved;
}

/** The nearest of rows that are offered one by one. */
export interface Nearest {
  /** Similarity below which nothing is taken any more. */
  least(): number;
  offer(candidate: Candidate): void;
  /** Best first; ends its use. */
  ordered(): Candidate[];
}

/** Keeps the `count` nearest in a heap whose first is the worst of them. */
export function keepNearest(count: number): Nearest {
  const heap: Candidate[] = [];
  return {
    least: () => (heap.length < count ? -Infinity : (heap[0] as Candidate).similarity),
    offer(candidate) {
      if (heap.length < count) {
        heap.push(candidate);
        rise(heap);
      } else if (compare(candidate, heap[0] as Candidate) < 0) {
        heap[0] = candidate;
        sink(heap);
      }
    },
    ordered: () => heap.toSorted(compare),
  };
}
