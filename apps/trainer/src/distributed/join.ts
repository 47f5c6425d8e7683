import { availableParallelism, cpus, hostname } from "node:os";
import type { Communicator } from "@clip-ts/distributed";
import type { Arguments } from "../cli/command.ts";
import { numberOption } from "../cli/options.ts";
import { reportError } from "../cli/report-error.ts";
import { silence } from "../cli/output.ts";

/** How a process works together with others. */
export interface JoinOptions {
  /** `--mpi` */
  readonly asked: boolean;
  /** Seconds. */
  readonly commTimeout: number | undefined;
  /** `--debug` */
  readonly debug: boolean;
  /** What to do when a rank is lost, as a sentence. */
  readonly advice: () => string;
}

/** What `rankOptions` say. */
export function joinOptionsOf(args: Arguments, advice: () => string): JoinOptions {
  const [asked, debug] = [args.flag("mpi"), args.flag("debug")];
  return { asked, debug, commTimeout: numberOption(args, "comm-timeout"), advice };
}

/** Milliseconds that rank 0 has to say first what is wrong on all ranks; then others speak for themselves. */
const firstSpeaksMs = 2000;

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Says what ended this rank, and ends all. Mostly rank 0 has said the same by then, and ended them. */
async function endAll(error: unknown, rank: number, { debug }: JoinOptions): Promise<number> {
  if (rank === 0) return reportError(error, debug);
  await wait(firstSpeaksMs);
  return reportError(error, debug, `rank ${rank} on ${hostname()}: `);
}

/**
 * Runs what the processes of a launcher do together. Where it started several, or `--mpi` asks for it, they join over
 * MPI, and all but rank 0 are silent; else this process is alone. An error on one rank ends all of them.
 * @returns the exit code, which is not 0 on rank 0 alone where it says how the work ended.
 */
export async function withRanks(options: JoinOptions, work: (ranks: Communicator) => Promise<number>): Promise<number> {
  const { launchedRank, singleProcess } = await import("@clip-ts/distributed");
  const launch = launchedRank();
  const isAlone = !options.asked && (launch === undefined || launch.size === 1);
  if (isAlone) return work(singleProcess());
  const rank = launch?.rank ?? 0;
  if (rank > 0) silence();
  const ranks = await join(options).catch((error: unknown) => endAll(error, rank, options));
  return typeof ranks === "number" ? ranks : workTogether(ranks, options, work);
}

async function join({ commTimeout, advice }: JoinOptions): Promise<Communicator> {
  const { joinMpi } = await import("@clip-ts/distributed");
  const ranks = await joinMpi({ commTimeout, advice });
  if (ranks.rank > 0) silence();
  return ranks;
}

async function workTogether(
  ranks: Communicator,
  options: JoinOptions,
  work: (ranks: Communicator) => Promise<number>,
): Promise<number> {
  try {
    const code = await work(ranks);
    await ranks.close();
    return ranks.rank === 0 ? code : 0;
  } catch (error) {
    return ranks.abort(await endAll(error, ranks.rank, options));
  }
}

/** How many ranks share a rank's machine, itself included. */
const ranksHere = ({ hosts, rank }: Communicator): number => hosts.filter((host) => host === hosts[rank]).length;

/**
 * What to do where a rank has fewer processors than its share because Open MPI's mpirun, unasked, binds each of few
 * ranks to one; nothing where it has its share, or was given what it has.
 */
export function bindingAdvice(ranks: Communicator): string | undefined {
  const [usable, all] = [availableParallelism(), cpus().length];
  if (ranks.launcher !== "mpirun of Open MPI" || usable >= Math.floor(all / ranksHere(ranks))) return undefined;
  return `Rank ${ranks.rank} has ${usable} of ${all} processors, as Open MPI binds it; mpirun --bind-to none leaves it all.`;
}

/** Processors of this machine that are this rank's: all it may use where its launcher has given it some, else its share. */
export function ownProcessors(ranks: Communicator): number {
  const usable = availableParallelism();
  return usable < cpus().length ? usable : Math.max(1, Math.floor(usable / ranksHere(ranks)));
}
