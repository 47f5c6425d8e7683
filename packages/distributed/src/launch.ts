import { ClipError, shown } from "@clip-ts/base";

/** Environment variables, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Whose libraries find each other: those of a launcher's family. */
export type MpiFamily = "open-mpi" | "mpich";

/** What a launcher told a process of its ranks. */
export interface Launch {
  /** Who started the process, as people call it. */
  readonly launcher: string;
  readonly rank: number;
  /** How many were started; undefined where the launcher does not say. */
  readonly size: number | undefined;
  /** Undefined where the launcher does not say. */
  readonly localRank: number | undefined;
  /** The libraries that this launcher starts, where it starts one kind only. */
  readonly family: MpiFamily | undefined;
}

interface Launcher {
  readonly name: string;
  readonly family?: MpiFamily;
  readonly rank: string;
  readonly size?: string;
  readonly localRank?: string;
  /** A variable without which it was another launcher that set the rank. */
  readonly onlyWith?: string;
}

/** From the most telling to the least: an mpirun inside a Slurm job leaves the variables of both. */
const launchers: readonly Launcher[] = [
  {
    name: "mpirun of Open MPI",
    family: "open-mpi",
    rank: "OMPI_COMM_WORLD_RANK",
    size: "OMPI_COMM_WORLD_SIZE",
    localRank: "OMPI_COMM_WORLD_LOCAL_RANK",
  },
  {
    name: "mpirun_rsh of MVAPICH",
    family: "mpich",
    rank: "MV2_COMM_WORLD_RANK",
    size: "MV2_COMM_WORLD_SIZE",
    localRank: "MV2_COMM_WORLD_LOCAL_RANK",
  },
  {
    name: "mpirun of MPICH",
    family: "mpich",
    rank: "PMI_RANK",
    size: "PMI_SIZE",
    localRank: "MPI_LOCALRANKID",
    onlyWith: "MPI_LOCALRANKID",
  },
  { name: "Slurm", rank: "SLURM_PROCID", size: "SLURM_NTASKS", localRank: "SLURM_LOCALID" },
  { name: "a launcher that speaks PMI", rank: "PMI_RANK", size: "PMI_SIZE" },
  { name: "a launcher that speaks PMIx", rank: "PMIX_RANK" },
];

/** A whole number from 0 that a launcher wrote. */
function counted(environment: Environment, name: string | undefined): number | undefined {
  const text = name === undefined ? undefined : environment[name];
  if (text === undefined || text === "") return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new ClipError("bad-config", `${name}: expected a whole number from a launcher, got ${shown(text)}. Unset it.`, {
    data: { name, value: text },
  });
}

function told(environment: Environment, launcher: Launcher): Launch | undefined {
  const { onlyWith } = launcher;
  const rank = counted(environment, launcher.rank);
  if (rank === undefined || (onlyWith !== undefined && environment[onlyWith] === undefined)) return undefined;
  return {
    launcher: launcher.name,
    rank,
    size: counted(environment, launcher.size),
    localRank: counted(environment, launcher.localRank),
    family: launcher.family,
  };
}

/**
 * Which rank the process was started as by a launcher of processes that work together (mpirun, srun);
 * undefined for one started by itself.
 * @throws ClipError "bad-config" where a variable of a launcher is no number.
 */
export function launchedRank(environment: Environment = process.env): Launch | undefined {
  for (const launcher of launchers) {
    const launch = told(environment, launcher);
    if (launch !== undefined) return launch;
  }
  return undefined;
}
