import type { HostArray, HostArrays } from "@clip-ts/core";
import { pairArrays, type Batch } from "@clip-ts/data";
import { pairGroups } from "@clip-ts/loss";
import type { Teacher } from "./teacher.ts";

/** What the pairs of a batch tell all by themselves, for objectives that read it. */
const toldByPairs: Readonly<Record<string, (batch: Batch) => HostArray>> = {
  groups: ({ keys, captions, batch }) => ({ data: pairGroups(keys, captions), shape: [batch] }),
};

/** A batch of pairs as the arrays that an objective reads, `shared` among them by these names. */
export async function runArrays(
  batch: Batch,
  shared: readonly string[],
  teacher: Teacher | undefined,
): Promise<HostArrays> {
  const told = Object.entries(toldByPairs).filter(([name]) => shared.includes(name));
  return {
    ...pairArrays(batch),
    ...Object.fromEntries(told.map(([name, arrayOf]) => [name, arrayOf(batch)])),
    ...(await teacher?.features(batch)),
  };
}
