/** The learnt merges of a byte-pair tokenizer. */
export interface Merges {
  /** Place of the merge of two neighbouring tokens in the order of learning, or -1 if there is none. */
  rankOf(left: number, right: number): number;
  /** The token that a merge makes. */
  idOf(rank: number): number;
}

/** Ranks and positions share one number, below 2^53. */
const positions = 2 ** 32;

/** The most merges whose ranks leave room for a position. */
export const mostMerges: number = 2 ** 21;

/** A binary heap of numbers, the smallest first, with room for `room` of them. */
function createHeap(room: number): { push(value: number): void; pop(): number | undefined } {
  const heap = new Float64Array(room);
  let size = 0;
  return {
    push(value) {
      let index = size++;
      while (index > 0) {
        const parent = (index - 1) >> 1;
        if (heap[parent]! <= value) break;
        heap[index] = heap[parent]!;
        index = parent;
      }
      heap[index] = value;
    },
    pop() {
      if (size === 0) return undefined;
      const [top] = heap;
      const last = heap[--size]!;
      let index = 0;
      for (let child = 1; child < size; child = 2 * index + 1) {
        if (child + 1 < size && heap[child + 1]! < heap[child]!) child++;
        if (heap[child]! >= last) break;
        heap[index] = heap[child]!;
        index = child;
      }
      heap[index] = last;
      return top;
    },
  };
}

/**
 * Joins neighbouring tokens pair by pair, always the earliest learnt merge first and of equal ones the
 * leftmost, until none is left (Sennrich et al. 2016, arXiv:1508.07909, algorithm 1). A heap of the
 * merges that are open makes it n log n: no word is too long. @returns new ids.
 */
export function mergePairs(ids: readonly number[], { rankOf, idOf }: Merges): number[] {
  const count = ids.length;
  if (count < 2) return [...ids];
  const tokens = Float64Array.from(ids);
  const next = Int32Array.from(ids, (_, index) => index + 1);
  const previous = Int32Array.from(ids, (_, index) => index - 1);
  const open = createHeap(3 * count);
  const rankAt = (index: number): number => {
    const after = next[index]!;
    return after < count ? rankOf(tokens[index]!, tokens[after]!) : -1;
  };
  const offer = (index: number): void => {
    const rank = rankAt(index);
    if (rank !== -1) open.push(rank * positions + index);
  };
  for (let index = 0; index + 1 < count; index++) offer(index);
  for (let best = open.pop(); best !== undefined; best = open.pop()) {
    const rank = Math.floor(best / positions);
    const index = best - rank * positions;
    if (tokens[index] === -1 || rankAt(index) !== rank) continue; // joined in the meantime
    const joined = next[index]!;
    tokens[index] = idOf(rank);
    tokens[joined] = -1;
    next[index] = next[joined]!;
    if (next[index]! < count) previous[next[index]!] = index;
    if (previous[index]! >= 0) offer(previous[index]!);
    offer(index);
  }
  return Array.from(tokens.filter((token) => token !== -1));
}
