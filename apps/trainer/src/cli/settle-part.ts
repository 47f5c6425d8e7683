import { ClipError, shown } from "@clip-ts/base";
import type { WorkPart } from "@clip-ts/node";
import { UsageError } from "./command.ts";
import { note } from "./output.ts";
import { parsePart } from "./parts.ts";

/** Environment variables, as `process.env` has them. */
type Environment = Readonly<Record<string, string | undefined>>;

/** A part of the work, and who says so. */
interface ToldPart extends WorkPart {
  readonly by: string;
}

/** A whole number from 0, undefined where the variable is absent. */
function counted(environment: Environment, name: string): number | undefined {
  const text = environment[name];
  if (text === undefined || text === "") return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new ClipError("bad-config", `${name}: expected a whole number, got ${shown(text)}. Unset it, or give --part.`);
}

/** Which of how many tasks of a Slurm array; they need not be numbered from 0, nor one by one. */
function ofSlurmArray(environment: Environment): ToldPart | undefined {
  const task = counted(environment, "SLURM_ARRAY_TASK_ID");
  const of = counted(environment, "SLURM_ARRAY_TASK_COUNT");
  if (task === undefined || of === undefined) return undefined;
  const first = counted(environment, "SLURM_ARRAY_TASK_MIN") ?? 0;
  const step = counted(environment, "SLURM_ARRAY_TASK_STEP") ?? 1;
  const number = (task - first) / Math.max(1, step) + 1;
  if (Number.isInteger(number) && number <= of) return { number, of, by: `task ${task} of a Slurm array` };
  throw new UsageError(
    `Slurm's array has ${of} tasks, and task ${task} is none of ${first}, ${first + step} and so on: an array of ` +
      "listed tasks needs --part I/N for each.",
  );
}

/** Which of how many indexes of a Kubernetes Indexed Job, whose manifest has to say how many there are. */
function ofIndexedJob(environment: Environment): ToldPart | undefined {
  const index = counted(environment, "JOB_COMPLETION_INDEX");
  if (index === undefined) return undefined;
  const of = counted(environment, "JOB_COMPLETIONS");
  if (of !== undefined && index < of)
    return { number: index + 1, of, by: `index ${index} of a Kubernetes Indexed Job` };
  throw new UsageError(
    of === undefined
      ? "JOB_COMPLETION_INDEX is set and JOB_COMPLETIONS is not: its manifest says how many completions the job has, or give --part I/N."
      : `JOB_COMPLETION_INDEX is ${index}, and JOB_COMPLETIONS, ${of}, is not more: it is the number of the job's completions.`,
  );
}

/** Which of the ranks that mpirun or srun started. */
async function ofRanks(environment: Environment): Promise<ToldPart | undefined> {
  const { launchedRank } = await import("@clip-ts/distributed");
  const { rank, size, launcher } = launchedRank(environment) ?? { rank: 0, size: 1, launcher: "" };
  if (launcher === "Slurm" && size !== 1 && !environment["SLURM_STEP_ID"]) {
    // The variables of a job's script, which runs once, whatever number of tasks the job has.
    throw new UsageError(
      `Slurm's job has ${size ?? "several"} tasks, of which its script is one: start all with srun, or give --part I/N.`,
    );
  }
  return size === undefined || rank >= size
    ? undefined
    : { number: rank + 1, of: size, by: `rank ${rank} of ${launcher}` };
}

/** What launchers say, but for those that started one process. @throws UsageError where they contradict each other. */
async function toldPart(environment: Environment): Promise<ToldPart | undefined> {
  const all = [ofSlurmArray(environment), ofIndexedJob(environment), await ofRanks(environment)];
  const told = all.filter((part) => part !== undefined && part.of > 1) as ToldPart[];
  if (told.length < 2) return told[0];
  const list = told.map(({ by, number, of }) => `${by}: ${number}/${of}`).join("; ");
  throw new UsageError(`Several launchers say which part to do (${list}): give --part I/N.`);
}

/**
 * The part of the work that is this process's: `--part` where it is given, else what a launcher's environment says
 * (mpirun, srun, a Slurm array, a Kubernetes Indexed Job), else all. Says which, and who says so.
 * @throws UsageError for what is no part, and for launchers that contradict each other.
 */
export async function settlePart(given: string | undefined, environment: Environment = process.env): Promise<WorkPart> {
  const told = given === undefined ? await toldPart(environment) : { ...parsePart(given), by: "--part" };
  if (told === undefined) return parsePart(undefined);
  const { number, of, by } = told;
  note(`part    ${number}/${of} (${by})`);
  return { number, of };
}
