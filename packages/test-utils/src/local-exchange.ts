import type { HostArray, HostArrays } from "@clip-ts/core";
import type { Exchange, ToldNumbers } from "@clip-ts/jit";

/** A place where all ranks of one process meet: each brings arrays, all leave with what is made of them. */
interface Meeting {
  readonly brought: Map<number, { readonly arrays: HostArrays; leave(made: HostArrays): void }>;
  readonly kind: Kind;
}

type Kind = "gather" | "sum";

const named = (all: readonly HostArrays[], of: (own: readonly HostArray[]) => HostArray): HostArrays =>
  Object.fromEntries(Object.keys(all[0] ?? {}).map((name) => [name, of(all.map((one) => one[name] as HostArray))]));

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

const make = { gather: joined, sum: added };

/** The n-th call of each rank meets those of the others, however far ahead a rank calls. */
function createMeetings(size: number): (rank: number, kind: Kind, arrays: HostArrays) => Promise<HostArrays> {
  const meetings: Meeting[] = [];
  const calls = Array.from({ length: size }, () => 0);
  return (rank, kind, arrays) => {
    const turn = calls[rank] ?? 0;
    calls[rank] = turn + 1;
    const meeting = (meetings[turn] ??= { brought: new Map(), kind });
    if (meeting.kind !== kind) throw new Error(`Rank ${rank} calls ${kind} where another calls ${meeting.kind}.`);
    return new Promise((leave) => {
      meeting.brought.set(rank, { arrays, leave });
      if (meeting.brought.size < size) return;
      const inOrder = Array.from({ length: size }, (_, at) => meeting.brought.get(at)!);
      const all = inOrder.map((each) => each.arrays);
      for (const each of inOrder) each.leave(named(all, make[kind]));
      meeting.brought.clear();
    });
  };
}

/** What so many ranks of one process exchange by; `numbers` is what each tells beside. */
export function localExchange(size: number, numbers?: (rank: number) => ToldNumbers): Exchange[] {
  const meet = createMeetings(size);
  return Array.from({ length: size }, (_, rank) => ({
    rank,
    size,
    gather: (own) => meet(rank, "gather", own),
    sum: (own) => meet(rank, "sum", own),
    numbers: numbers?.(rank),
  }));
}
