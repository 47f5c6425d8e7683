import { batchesPerPool } from "../arrange-pool.ts";
import type { Cursor } from "../batch.ts";
import type { ShardPool } from "./shard-pools.ts";

/** The pools that batches are taken from. */
export interface PoolQueue {
  /** The pool of a batch; the one after it is opened as soon as it is arranged. */
  of(position: Cursor): ShardPool;
  /** Closes the pools before a position. */
  passed(position: Cursor): void;
  close(): void;
}

/** Opens pools when their batches are asked for, and each next one ahead, so that no step waits for captions. */
export function queuePools(stepsPerEpoch: number, open: (epoch: number, pool: number) => ShardPool): PoolQueue {
  const poolsPerEpoch = Math.ceil(stepsPerEpoch / batchesPerPool);
  const pools = new Map<number, ShardPool>();
  let isClosed = false;
  const placeOf = ({ epoch, batch }: Cursor): number => epoch * poolsPerEpoch + Math.floor(batch / batchesPerPool);

  const get = (place: number): ShardPool => {
    const known = pools.get(place);
    if (known !== undefined) return known;
    const pool = open(Math.floor(place / poolsPerEpoch), place % poolsPerEpoch);
    pools.set(place, pool);
    // Whoever waits for it is told; it is tried again when it is asked for again.
    pool.batches.catch(() => {
      if (pools.get(place) === pool) pools.delete(place);
      pool.release();
    });
    return pool;
  };

  return {
    of(position) {
      const place = placeOf(position);
      const pool = get(place);
      const ahead = (): void => {
        if (!isClosed) get(place + 1);
      };
      pool.batches.then(ahead, () => undefined);
      return pool;
    },
    passed(position) {
      const current = placeOf(position);
      for (const [place, pool] of pools) {
        if (place >= current) continue;
        pools.delete(place);
        pool.release();
      }
    },
    close() {
      isClosed = true;
      for (const pool of pools.values()) pool.release();
      pools.clear();
    },
  };
}
