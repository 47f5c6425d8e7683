import { joinMpi, measureRanks, threadPoolAdvice, type Communicator } from "@clip-ts/distributed";
import { print } from "../../cli/output.ts";
import { twoColumns } from "../../cli/text.ts";
import { bindingAdvice, ownProcessors } from "../../distributed/join.ts";

type Row = readonly [name: string, text: string];

async function speedRows(ranks: Communicator): Promise<readonly Row[]> {
  const { hosts, sums, ticksPerSecond } = await measureRanks(ranks);
  return [
    ["hosts", [...hosts].map(([host, count]) => `${host} (${count})`).join(", ")],
    ...sums.map(({ bytes, ms, megabytesPerSecond }): Row => {
      return [`sum of ${bytes / 1e6} MB`, `${ms.toFixed(1)} ms, ${megabytesPerSecond.toFixed(0)} MB/s`];
    }),
    ["event loop", `${ticksPerSecond.toFixed(0)} ticks a second meanwhile`],
  ];
}

/** Prints, on rank 0, how the ranks of this program pass arrays. @returns the exit code. */
export async function describeRanks(): Promise<number> {
  const ranks = await joinMpi();
  ranks.working("doctor --mpi");
  const isAlone = ranks.size === 1;
  const rows: readonly Row[] = [
    ["library", `${ranks.library}, calls from any thread (MPI_THREAD_MULTIPLE)`],
    ["ranks", `${ranks.size}, started by ${ranks.launcher ?? "no launcher"}`],
    ...(isAlone ? [["to measure", "mpirun -np 2 clip-ts doctor --mpi"] as const] : await speedRows(ranks)),
    ["processors", bindingAdvice(ranks) ?? `${ownProcessors(ranks)} for rank 0`],
    ["file threads", threadPoolAdvice() ?? "enough beside a waiting call"],
  ];
  if (ranks.rank === 0) print(`MPI\n${twoColumns(rows)}`);
  await ranks.close();
  return 0;
}
