import type { HostArray, HostArrays } from "@clip-ts/core";
import type { Communicator } from "@clip-ts/distributed";
import type { Exchange, ToldNumbers } from "@clip-ts/jit";
import { gatherRows } from "./messages.ts";

/** What the steps of all ranks tell each other, over MPI; `numbers` ride along with the gradients. */
export function exchangeOver(ranks: Communicator, numbers: ToldNumbers | undefined): Exchange {
  const { rank, size } = ranks;
  return {
    rank,
    size,
    numbers,
    async gather(rows) {
      const all = Object.entries(rows).map(async ([name, own]) => [name, await gatherRows(ranks, own)] as const);
      return Object.fromEntries(await Promise.all(all)) as HostArrays;
    },
    async sum(gradients) {
      const sums = Object.values(gradients).map(({ data }: HostArray) => ranks.reduce(data as Float32Array));
      await Promise.all(sums);
      return gradients;
    },
  };
}
