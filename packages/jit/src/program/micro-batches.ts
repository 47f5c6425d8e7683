import type { HostArray, HostArrays } from "@clip-ts/core";

/** A batch that comes in parts. */
export interface MicroBatches {
  /** The arrays called `0/…`, `1/…` and so on, by what follows; none if the batch is whole. */
  readonly parts: readonly HostArrays[];
  /** Arrays that belong to all pairs. */
  readonly shared: HostArrays;
}

/** Takes a batch apart by the names of its arrays. */
export function microBatchesOf(batch: HostArrays): MicroBatches {
  const parts: Record<string, HostArray>[] = [];
  const shared: Record<string, HostArray> = {};
  for (const [name, array] of Object.entries(batch)) {
    const [, index, own] = /^(\d+)\/(.+)$/u.exec(name) ?? [];
    if (index === undefined || own === undefined) shared[name] = array;
    else (parts[Number(index)] ??= {})[own] = array;
  }
  return { parts, shared };
}
