import type { Communicator } from "./communicator.ts";

/** How fast sums of one size were. */
export interface MeasuredSum {
  /** Bytes of the array on each rank. */
  readonly bytes: number;
  /** Milliseconds of the fastest. */
  readonly ms: number;
  readonly megabytesPerSecond: number;
}

/** What the ranks are to each other. */
export interface MeasuredRanks {
  /** Machines, with how many of the ranks each has. */
  readonly hosts: ReadonlyMap<string, number>;
  readonly sums: readonly MeasuredSum[];
  /** How often a second a timer of 1 ms was served while sums ran: JavaScript goes on meanwhile. */
  readonly ticksPerSecond: number;
}

/** Bytes of the arrays, and how often each is summed. */
const trials = [
  { bytes: 1e7, times: 8 },
  { bytes: 1e8, times: 3 },
] as const;

/** What one sum took, and how often a timer was served meanwhile. */
interface Timed {
  readonly ms: number;
  readonly ticks: number;
}

async function timeSum({ reduce, barrier }: Communicator, values: Float32Array): Promise<Timed> {
  await barrier();
  let ticks = 0;
  const timer = setInterval(() => (ticks += 1), 1);
  const from = performance.now();
  await reduce(values);
  const ms = performance.now() - from;
  clearInterval(timer);
  return { ms, ticks };
}

/** Times sums of 10 and 100 MB. All ranks call it; it takes seconds and 100 MB of memory. */
export async function measureRanks(communicator: Communicator): Promise<MeasuredRanks> {
  const hosts = new Map<string, number>();
  for (const host of communicator.hosts) hosts.set(host, (hosts.get(host) ?? 0) + 1);
  const sums: MeasuredSum[] = [];
  const all: Timed[] = [];
  for (const { bytes, times } of trials) {
    const values = new Float32Array(bytes / 4);
    await timeSum(communicator, values); // sets up connections
    const timed: Timed[] = [];
    for (let trial = 0; trial < times; trial += 1) timed.push(await timeSum(communicator, values));
    const ms = Math.min(...timed.map(({ ms }) => ms));
    sums.push({ bytes, ms, megabytesPerSecond: bytes / 1000 / ms });
    all.push(...timed);
  }
  const total = (of: (one: Timed) => number): number => all.reduce((sum, one) => sum + of(one), 0);
  return { hosts, sums, ticksPerSecond: (1000 * total(({ ticks }) => ticks)) / total(({ ms }) => ms) };
}
