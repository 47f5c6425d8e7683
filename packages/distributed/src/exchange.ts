import { ClipError } from "@clip-ts/base";
import type { Communicator } from "./communicator.ts";

/** One of `NamedArrays`: `HostArray` of `@clip-ts/core`. */
export interface NamedArray {
  readonly data: Float32Array | Int32Array | Uint8Array | Uint8ClampedArray;
  readonly shape: readonly number[];
}

/** Arrays by name, row by row: `HostArrays` of `@clip-ts/core`. */
export type NamedArrays = Readonly<Record<string, NamedArray>>;

/** What a training step asks of the other ranks: the `Exchange` of `@clip-ts/jit`. */
export interface RankExchange {
  readonly rank: number;
  readonly size: number;
  /**
   * The rows of all ranks, one rank's after the other's. What comes back lies in memory that the next call
   * for arrays of these names uses again. All ranks have equally many rows.
   */
  gather(rows: NamedArrays): Promise<NamedArrays>;
  /** Puts the sum of all ranks' values into the arrays that are given, and gives these back. */
  sum(gradients: NamedArrays): Promise<NamedArrays>;
}

type Elements = NamedArray["data"];

/** Elements below which an array is passed with others, and those that go together at most. */
const [fewElements, togetherElements] = [2 ** 16, 2 ** 20];

/** In an order that does not depend on who made the record. */
const byName = (arrays: NamedArrays): readonly (readonly [string, NamedArray])[] =>
  Object.entries(arrays).toSorted(([a], [b]) => (a < b ? -1 : 1));

/** Refuses rows of which ranks have unequally many: MPI would mix them up, or wait for ever. */
async function checkRows(rows: NamedArrays, { rank, reduce }: Communicator): Promise<void> {
  const counts = byName(rows).map(([, { data }]) => data.length);
  const all = Float32Array.from([...counts, ...counts.map((count) => -count)]);
  await reduce(all, "max");
  for (const [index, [name, { shape }]] of byName(rows).entries()) {
    const [most, fewest] = [all[index] as number, -(all[counts.length + index] as number)];
    if (most === fewest) continue;
    const message =
      `gather: expected as many rows on every rank, got from ${fewest} to ${most} elements of "${name}" ` +
      `([${shape.join(", ")}] on rank ${rank}). Give every rank the same number of pairs.`;
    throw new ClipError("bad-shape", message, { data: { name, most, fewest } });
  }
}

/** Zeros of the same kind. */
const emptyLike = (like: Elements, length: number): Elements =>
  new (like.constructor as Float32ArrayConstructor)(length);

/**
 * Rows of each rank, of which every one has as many, one rank's after the other's.
 * @param array [rows, ...] of this rank.
 * @param into Takes them, [size * rows, ...]; new memory unless given.
 * @returns [size * rows, ...] in `into`.
 */
export async function gatherRows<Array extends NamedArray>(
  { rank, size, gather }: Pick<Communicator, "rank" | "size" | "gather">,
  { data, shape }: Array,
  into: Elements = emptyLike(data, size * data.length),
): Promise<Array> {
  into.set(data, rank * data.length);
  await gather(into);
  const [rows = 1, ...row] = shape;
  return { data: into, shape: [size * rows, ...row] } as NamedArray as Array;
}

/** Arrays that are used again as long as the same is asked for. */
function createBuffers(): (name: string, like: Elements, length: number) => Elements {
  const buffers = new Map<string, Elements>();
  return (name, like, length) => {
    const kept = buffers.get(name);
    if (kept?.constructor === like.constructor && kept.length === length) return kept;
    const made = emptyLike(like, length);
    buffers.set(name, made);
    return made;
  };
}

function floatsOf([name, { data }]: readonly [string, NamedArray]): Float32Array {
  if (data instanceof Float32Array) return data;
  const message = `sum: expected float32 gradients, got "${name}" in a ${data.constructor.name}.`;
  throw new ClipError("bad-argument", message, { data: { name } });
}

/** Sums small arrays as one, through memory that is used again. */
async function sumTogether(
  arrays: readonly Float32Array[],
  together: Float32Array,
  reduce: Communicator["reduce"],
): Promise<void> {
  let length = 0;
  for (const array of arrays) {
    together.set(array, length);
    length += array.length;
  }
  await reduce(together.subarray(0, length));
  let start = 0;
  for (const array of arrays) {
    array.set(together.subarray(start, start + array.length));
    start += array.length;
  }
}

/** Arrays in groups that fit together, in their order. */
function groupsOf(arrays: readonly Float32Array[]): readonly (readonly Float32Array[])[] {
  const groups: Float32Array[][] = [];
  let room = 0;
  for (const array of arrays) {
    if (array.length > room) {
      groups.push([]);
      room = togetherElements;
    }
    groups.at(-1)?.push(array);
    room -= array.length;
  }
  return groups;
}

/**
 * The exchange of a training step over a communicator. Every rank gets the same bits of a sum. With 2 ranks they
 * are those of one process that adds the ranks' values in their order, as addition commutes. With more, the library
 * chooses the order, so a sum may differ from one process's in its last bits, and between libraries, but not between
 * two runs of one library on the same ranks.
 */
export function exchangeOf(communicator: Communicator): RankExchange {
  const { rank, size, reduce } = communicator;
  const bufferOf = createBuffers();
  let together: Float32Array | undefined;
  return {
    rank,
    size,
    async gather(rows) {
      await checkRows(rows, communicator);
      const all: Record<string, NamedArray> = {};
      for (const [name, array] of byName(rows)) {
        const into = bufferOf(name, array.data, size * array.data.length);
        all[name] = await gatherRows(communicator, array, into);
      }
      return all;
    },
    async sum(gradients) {
      const arrays = byName(gradients).map(floatsOf);
      for (const array of arrays) if (array.length >= fewElements) await reduce(array);
      together ??= new Float32Array(togetherElements);
      const few = arrays.filter(({ length }) => length < fewElements);
      for (const group of groupsOf(few)) await sumTogether(group, together, reduce);
      return gradients;
    },
  };
}
