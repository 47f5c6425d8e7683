import { hostname } from "node:os";

/** What ranks do together. */
export type Collective = "gather" | "reduce" | "broadcast" | "barrier";

/** What one kind of call came to so far. */
export interface Traffic {
  readonly calls: number;
  /** Bytes of the arrays that were passed, on this rank. */
  readonly bytes: number;
  /** Milliseconds from a call's turn to its end; waiting for slower ranks is part of it. */
  readonly ms: number;
}

/** How `reduce` makes one value of all ranks' values. */
export type Reduction = "sum" | "max" | "min";

/**
 * The processes that were started together and work as one, each with a rank. All of them make the same
 * calls in the same order with arrays of the same lengths. Calls may overlap: they are queued and run one
 * after the other. An array that is being passed belongs to the call until its promise settles.
 */
export interface Communicator {
  /** This process's number among them, from 0. */
  readonly rank: number;
  /** How many there are. */
  readonly size: number;
  /** This process's number among those on its machine, from 0: which device is its own. */
  readonly localRank: number;
  /** The names of the machines that the ranks run on, rank by rank. */
  readonly hosts: readonly string[];
  /** Who started them, as people call it; undefined for a process that nobody started with others. */
  readonly launcher: string | undefined;
  /** The library that passes the arrays, with its version, as people read it. */
  readonly library: string;
  /** Calls, bytes and time so far. */
  readonly traffic: Readonly<Record<Collective, Traffic>>;
  /** Says what the process works on, such as "step 812": messages about a lost rank name it. */
  working(on: string): void;
  /** Fills in the stretches of all ranks: `all` is [size, length / size], and row `rank` is this rank's. */
  gather(all: Float32Array | Int32Array | Uint8Array | Uint8ClampedArray): Promise<void>;
  /**
   * Replaces every value by the sum, maximum or minimum of all ranks' values, the same bits on every rank.
   * @param by "sum" unless given.
   */
  reduce(values: Float32Array, by?: Reduction): Promise<void>;
  /** Gives every rank the values of rank 0. */
  broadcast(values: Float32Array | Int32Array | Uint8Array): Promise<void>;
  /** Resolves when all ranks have called it. */
  barrier(): Promise<void>;
  /** Ends the processes of all ranks, this one too, with an exit code that is not 0. */
  abort(code: number): never;
  /** Waits for all ranks and ends the work together; no call may follow. A second call does nothing. */
  close(): Promise<void>;
}

const nothing: Traffic = { calls: 0, bytes: 0, ms: 0 };

/** No calls yet. */
export function noTraffic(): Record<Collective, Traffic> {
  return { gather: nothing, reduce: nothing, broadcast: nothing, barrier: nothing };
}

/** A process on its own: rank 0 of 1, where every call has its result already. */
export function singleProcess(): Communicator {
  const done = (): Promise<void> => Promise.resolve();
  return {
    rank: 0,
    size: 1,
    localRank: 0,
    hosts: [hostname()],
    launcher: undefined,
    library: "none",
    traffic: noTraffic(),
    working: () => undefined,
    gather: done,
    reduce: done,
    broadcast: done,
    barrier: done,
    abort: (code) => process.exit(code),
    close: done,
  };
}
