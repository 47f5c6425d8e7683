import type { HostArray, HostArrays } from "@clip-ts/core";
import type { Numbers, Program } from "./program.ts";

/** Numbers that ranks tell each other beside what they learn. */
export interface ToldNumbers {
  /** This rank's, of the same names on all ranks in every step. Asked once a step, when its gradients are there. */
  give(): Numbers;
  /** Told the sums over all ranks, in float32, once a step and before the state moves. */
  take(sums: Numbers): void;
}

/**
 * How programs that learn from one batch together tell each other what they found. Every rank has the
 * same number of pairs in arrays of the same shapes, the same `shared` arrays, those of all pairs, and the same state.
 * Calls come one after the other, in the same order on all ranks, but not only while nothing is computed.
 */
export interface Exchange {
  /** This program's place among them, from 0. */
  readonly rank: number;
  /** How many there are. */
  readonly size: number;
  /** The rows of all ranks, one rank's after the other's. Borrows the arrays. */
  gather(rows: HostArrays): Promise<HostArrays>;
  /**
   * The sum of what all ranks give, the same bits on all of them; of two ranks, those of adding in their order. It may
   * be written over the arrays that are given, which nobody touches until it is there.
   */
  sum(gradients: HostArrays): Promise<HostArrays>;
  /**
   * Gradients are summed as soon as so many bytes of them are whole, while the others are computed: 25 million by
   * default, as in PyTorch's DistributedDataParallel, and all at once if there is one rank. The same on all ranks.
   */
  readonly bucketBytes?: number | undefined;
  /** What rides along with the sum of each step's gradients: whether to stop, say. */
  readonly numbers?: ToldNumbers | undefined;
}

/** What a rank adds to a sum beside its gradients. */
interface Beside {
  readonly array: HostArray;
  /** Reads the sum. @returns the statistics of rank 0. */
  read(sum: HostArray): HostArrays;
}

/**
 * Numbers and statistics in one array. Every rank's batch norms have seen other images: those of rank 0 count, as in
 * PyTorch's DistributedDataParallel, so the others give zeros.
 */
function besideGradients({ rank, numbers }: Exchange, statistics: HostArrays): Beside {
  const own = Object.entries(numbers?.give() ?? {});
  const length = Object.values(statistics).reduce((total, { data }) => total + data.length, own.length);
  const data = new Float32Array(length);
  data.set(own.map(([, value]) => value));
  let next = own.length;
  const places = Object.entries(statistics).map(([path, { data: values, shape }]) => {
    const start = next;
    next += values.length;
    if (rank === 0) data.set(values, start);
    return { path, shape, start, end: next };
  });
  return {
    array: { data, shape: [length] },
    read({ data: sums }) {
      numbers?.take(Object.fromEntries(own.map(([name], at) => [name, sums[at] as number])));
      const views = places.map(({ path, shape, start, end }): [string, HostArray] => [
        path,
        { data: sums.subarray(start, end), shape },
      ]);
      return Object.fromEntries(views);
    },
  };
}

/** The name of what is no gradient in a sum. */
const besideName = "beside";

/** Chooses leaves by path. */
type IsLeaf = (path: string) => boolean;

/** The gradients of these leaves in as few arrays as can be, live, if the program says where they lie. */
function stretchesOf(program: Program, isWanted: IsLeaf): HostArrays | undefined {
  const stretches = program.stretches?.(isWanted);
  const named = stretches?.map((data, at): [string, HostArray] => [`stretch ${at}`, { data, shape: [data.length] }]);
  return named && Object.fromEntries(named);
}

/** The gradients of these leaves, wherever they lie. */
async function gradientsOf(program: Program, isWanted: IsLeaf): Promise<HostArrays> {
  const stretches = stretchesOf(program, isWanted);
  if (stretches !== undefined) return stretches;
  return Object.fromEntries(Object.entries(await program.read("gradients")).filter(([path]) => isWanted(path)));
}

/** Puts sums where the gradients are that they are the sums of. */
async function putBack(program: Program, own: HostArrays, sums: HostArrays): Promise<void> {
  if (program.stretches === undefined) return program.write({ gradients: sums });
  for (const [name, { data }] of Object.entries(own)) {
    const sum = (sums[name] as HostArray).data;
    if (sum !== data) data.set(sum);
  }
}

/** The sums of one step's gradients, which begin while others are still computed. */
export interface GradientSums {
  /** Begins to add up the gradients of these leaves, which nothing changes any more. */
  begin(paths: readonly string[]): void;
  /**
   * Adds up the other wanted gradients and what the ranks tell each other beside, and waits for all.
   * @returns the statistics that all go on with.
   */
  end(isWanted: IsLeaf, statistics: HostArrays): Promise<HostArrays>;
}

/** Adds up over ranks what one step pulls back. */
export function createSums(program: Program, exchange: Exchange): GradientSums {
  const begun = new Set<string>();
  let last: Promise<unknown> = Promise.resolve();
  const sumNow = async (own: HostArrays, beside: HostArrays): Promise<HostArrays> => {
    const all = { ...own, ...beside };
    if (Object.keys(all).length === 0) return {};
    const { [besideName]: told, ...gradients } = await exchange.sum(all);
    await putBack(program, own, gradients);
    return told === undefined ? {} : { told };
  };
  /** Adds up when what was begun before has ended. */
  const sum = (own: HostArrays, beside: HostArrays = {}): Promise<HostArrays> => {
    const next = last.then(() => sumNow(own, beside));
    last = next;
    return next;
  };
  return {
    begin(paths) {
      const isOwn = new Set(paths);
      const own = stretchesOf(program, (path) => isOwn.has(path));
      if (own === undefined) return; // read and added up at the end
      for (const path of paths) begun.add(path);
      const sooner = sum(own);
      sooner.catch(() => undefined); // the end hears of it, if the rest of the step comes that far
    },
    async end(isWanted, statistics) {
      const own = await gradientsOf(program, (path) => isWanted(path) && !begun.has(path));
      const { array, read } = besideGradients(exchange, statistics);
      const { told = array } = await sum(own, array.data.length > 0 ? { [besideName]: array } : {});
      return read(told);
    },
  };
}
