import type { HostArray, HostArrays } from "@clip-ts/core";
import type { Exchange } from "@clip-ts/jit";

/** A place where all ranks of one process meet: each brings arrays, all leave with what is made of them. */
interface Meeting {
  bring(rank: number, arrays: HostArrays): Promise<HostArrays>;
}

function createMeeting(size: number, make: (all: readonly HostArrays[]) => HostArrays): Meeting {
  let brought: HostArrays[] = [];
  let leave: ((made: HostArrays) => void)[] = [];
  return {
    bring: (rank, arrays) =>
      new Promise((resolve) => {
        brought[rank] = arrays;
        leave.push(resolve);
        if (leave.length < size) return;
        const made = make(brought);
        const waiting = leave;
        [brought, leave] = [[], []];
        for (const go of waiting) go(made);
      }),
  };
}

const named = (
  all: readonly HostArrays[],
  of: (own: readonly HostArray[]) => HostArray,
): HostArrays =>
  Object.fromEntries(
    Object.keys(all[0] ?? {}).map((name) => [name, of(all.map((one) => one[name] as HostArray))]),
  );

function joined(own: readonly HostArray[]): HostArray {
  const data = Float32Array.from(own.flatMap((array) => Array.from(array.data)));
  const rows = own.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
  return { data, shape: [rows, ...(own[0]?.shape.slice(1) ?? [])] };
}

function added(own: readonly HostArray[]): HostArray {
  const data = new Float32Array(own[0]?.data.length ?? 0);
  for (const array of own) array.data.forEach((value, at) => (data[at] = (data[at] ?? 0) + value));
  return { data, shape: own[0]?.shape ?? [] };
}

/** What so many ranks of one process exchange by. */
export function localExchange(size: number): Exchange[] {
  const rows = createMeeting(size, (all) => named(all, joined));
  const sums = createMeeting(size, (all) => named(all, added));
  return Array.from({ length: size }, (_, rank) => ({
    rank,
    size,
    gather: (own) => rows.bring(rank, own),
    sum: (own) => sums.bring(rank, own),
  }));
}
