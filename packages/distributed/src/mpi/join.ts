import { hostname } from "node:os";
import { ClipError } from "@clip-ts/base";
import type { Communicator } from "../communicator.ts";
import { hostsOf } from "../hosts.ts";
import { launchedRank, type Environment, type Launch } from "../launch.ts";
import { createQueue } from "../queue.ts";
import { createWatchdog, exitCodes, type Watchdog } from "../watchdog.ts";
import { finishWithin } from "./finish-within.ts";
import { bindMpi, type Elements, type MpiFunctions } from "./functions.ts";
import { loadMpi, type MpiLibrary } from "./library.ts";
import { gatherInPieces, piecesOf } from "./pieces.ts";

/** How a process joins the others. */
export interface MpiOptions {
  /** Seconds that a call may take before all ranks are ended; 300 unless given. */
  readonly commTimeout?: number | undefined;
  /** A sentence for messages about a lost rank: how to go on without it. */
  readonly advice?: (() => string) | undefined;
  /** Hears why all ranks are ended; writes a line to the standard error unless given. */
  readonly report?: ((line: string) => void) | undefined;
  /** Variables of the launcher; the process's own unless given. */
  readonly environment?: Environment | undefined;
  /**
   * Whether `reduce` asks each millisecond how far it is, and leaves the processors to what is computed meanwhile; else
   * it holds one while it waits. On unless all ranks are on one machine, where memory carries sums, unless given.
   */
  readonly beside?: boolean | undefined;
  /** Elements that one call of MPI passes at most, whose counts are 32-bit: 2^31 - 1 unless given. */
  readonly maxElements?: number | undefined;
}

const defaultTimeout = 300;

const withDefaults = ({
  environment = process.env,
  commTimeout = defaultTimeout,
  advice = () => "",
  report = (line) => void process.stderr.write(`${line}\n`),
  maxElements = 2 ** 31 - 1,
  beside,
}: MpiOptions) => ({ environment, commTimeout, advice, report, maxElements, beside });

/** Milliseconds that MPI may take to end when all ranks are done. */
const finishMs = 10_000;

/** Starts MPI, which goes on until the process ends, and waits so long for the others at most. */
function start(library: MpiLibrary, seconds: number): MpiFunctions {
  const mpi = bindMpi(library);
  if (mpi.isInitialised()) {
    throw new ClipError("bad-argument", "MPI was started in this process already: join it once.");
  }
  const level = mpi.initialise(seconds);
  const { threadMultiple: wanted } = library.abi;
  if (level < wanted) {
    const message =
      `${library.version} grants thread level ${level} of MPI, and ${wanted} (MPI_THREAD_MULTIPLE) is needed: ` +
      "calls run on threads of their own. Use a build that has it, or name another library by CLIP_TS_MPI_LIBRARY.";
    throw new ClipError("engine-unavailable", message, { data: { level, wanted } });
  }
  mpi.returnErrors();
  return mpi;
}

/** Refuses to go on alone where others were started: each would train, and write, for itself. */
function checkSize(size: number, launch: Launch | undefined, { path, version }: MpiLibrary): void {
  const promised = launch?.size ?? 1;
  if (size === promised || launch?.size === undefined) return;
  const { launcher } = launch;
  const remedy =
    launcher === "Slurm"
      ? "Start with srun --mpi=pmix (Open MPI) or srun --mpi=pmi2 (MPICH), or ask Slurm for one task"
      : "Load the launcher's own library by CLIP_TS_MPI_LIBRARY, or start with that library's own mpirun";
  const message = `${launcher} promised ${promised} ranks, and ${version} (${path}) sees ${size}. ${remedy}.`;
  throw new ClipError("bad-config", message, { data: { promised, size, launcher, path } });
}

/** Gives errors of MPI to the watchdog, which ends all ranks: what a failed call left behind is unknown. */
function checker(mpi: MpiFunctions, watchdog: Watchdog): (call: Promise<number>) => Promise<void> {
  return async (call) => {
    const code = await call;
    if (code === 0) return;
    watchdog.fail(`MPI failed (${mpi.errorText(code)})`, exitCodes.lostRank);
    await new Promise(() => undefined); // for the moment until the process ends
  };
}

/** What `joinMpi` puts together. */
interface Joined {
  readonly mpi: MpiFunctions;
  readonly library: MpiLibrary;
  readonly watchdog: Watchdog;
  readonly maxElements: number;
  /** Whether sums are waited for by asking. */
  readonly isBeside: () => boolean;
}

function communicatorOf({
  mpi,
  library,
  watchdog,
  maxElements,
  isBeside,
}: Joined): Omit<Communicator, "localRank" | "hosts" | "launcher"> {
  const [rank, size] = [mpi.rank(), mpi.size()];
  let closing: Promise<void> | undefined;
  const { traffic, run } = createQueue(watchdog, () => closing !== undefined);
  const check = checker(mpi, watchdog);
  const barrier = (): Promise<void> => run("barrier", 0, () => check(mpi.barrier()));
  const gatherNow = (all: Elements): Promise<void> => check(mpi.gather(all, size));
  const finish = async (last: Promise<void>): Promise<void> => {
    await last;
    const line = watchdog.line(`MPI_Finalize did not return within ${finishMs / 1000} s of the end; it is left out.`);
    await finishWithin(finishMs, line, mpi.finalise);
    watchdog.end();
  };
  return {
    rank,
    size,
    library: library.version,
    traffic,
    working: (on) => watchdog.working(on),
    async gather(all) {
      if (all.length % size !== 0) {
        const message = `gather: expected as many elements of each of ${size} ranks, got ${all.length} in all.`;
        throw new ClipError("bad-shape", message, { data: { length: all.length, size } });
      }
      await run("gather", all.byteLength, () =>
        all.length > maxElements ? gatherInPieces(all, { rank, size, maxElements }, gatherNow) : gatherNow(all),
      );
    },
    reduce: (values, by = "sum") =>
      run("reduce", values.byteLength, async () => {
        const reduce = isBeside() ? mpi.reduceBeside : mpi.reduce;
        for (const piece of piecesOf(values, maxElements)) await check(reduce(piece, by));
      }),
    broadcast: (values) =>
      run("broadcast", values.byteLength, async () => {
        for (const piece of piecesOf(values, maxElements)) await check(mpi.broadcast(piece));
      }),
    barrier,
    abort(code) {
      watchdog.end();
      mpi.abort(code);
      process.exit(code);
    },
    close() {
      closing ??= finish(barrier());
      return closing;
    },
  };
}

/** How many ranks before this one are on the same machine. */
const placeOnHost = (hosts: readonly string[], rank: number): number =>
  hosts.slice(0, rank).filter((host) => host === hosts[rank]).length;

/**
 * Joins the processes that mpirun or srun started with this one. The library is the launcher's (Open MPI; MPICH,
 * MVAPICH, Intel MPI; MPI-5's ABI) unless CLIP_TS_MPI_LIBRARY names one; started by itself, the process is rank 0
 * of 1. Call it once, before anything else loads a library by koffi.
 *
 * All ranks are ended, with a line that says why, when a call takes longer than `commTimeout`, when MPI reports an
 * error, and when a rank ends before `close`. A rank that is asked to end (SIGTERM) while a call is out waits for it
 * for 5 seconds (60 where the program listens too, and ends in order), then ends all with exit code 75.
 * @throws ClipError "engine-unavailable" without koffi, without a library of MPI, or without MPI_THREAD_MULTIPLE;
 * "bad-config" where the launcher promised more ranks than MPI sees.
 */
export async function joinMpi(options: MpiOptions = {}): Promise<Communicator> {
  const { environment, commTimeout, advice, report, maxElements, ...given } = withDefaults(options);
  const launch = launchedRank(environment);
  const library = loadMpi(environment, launch);
  const mpi = start(library, Math.max(commTimeout, defaultTimeout));
  const [rank, size] = [mpi.rank(), mpi.size()];
  checkSize(size, launch, library);
  const abort = (code: number): never => {
    mpi.abort(code);
    process.exit(code);
  };
  const timeoutMs = commTimeout * 1000;
  const watchdog = createWatchdog({ rank, size, host: hostname(), timeoutMs, advice, report, abort });
  let beside = given.beside ?? false;
  const communicator = communicatorOf({ mpi, library, watchdog, maxElements, isBeside: () => beside });
  const hosts = await hostsOf(communicator);
  beside = given.beside ?? new Set(hosts).size > 1;
  const localRank = launch?.localRank ?? placeOnHost(hosts, rank);
  return { ...communicator, hosts, localRank, launcher: launch?.launcher };
}
