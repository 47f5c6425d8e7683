import { join } from "node:path";
import { ClipError, isClipError } from "@clip-ts/base";
import type { BatchStream } from "@clip-ts/data";
import { isDiskFault } from "@clip-ts/files";
import type { ModelDescription } from "@clip-ts/inference";
import {
  checkpointFolder,
  damageOf,
  listCheckpoints,
  pruneCheckpoints,
  saveCheckpoint,
  markCheckpoint,
} from "@clip-ts/node";
import { createExplosionWatch } from "@clip-ts/training";
import { note } from "../../cli/output.ts";
import { quoteWord } from "../../cli/text.ts";
import { checkpointContents } from "./checkpoint-contents.ts";
import type { EarlyStopping } from "./early-stopping.ts";
import type { WriteProof } from "./prove.ts";
import type { RunIdentity } from "./run-identity.ts";
import type { ActiveTraining } from "./start-training.ts";
import type { CheckpointOptions } from "../../config/options.ts";

/**
 * The newest whole checkpoint of a run. Damaged ones are named, renamed to `step-N.damaged` and passed
 * over.
 * @throws ClipError "not-found" if there is none, "bad-data" if all are damaged.
 */
export async function findWholeCheckpoint(run: string): Promise<string> {
  const names = await listCheckpoints(run);
  if (names.length === 0) {
    throw new ClipError("not-found", `There is nothing to resume: ${run} has no checkpoint yet.`);
  }
  const damaged: string[] = [];
  for (const name of names.toReversed()) {
    const folder = checkpointFolder(run, name);
    const damage = await damageOf(folder);
    if (damage !== undefined) {
      damaged.push(`${name}: ${damage}`);
      continue;
    }
    for (const line of damaged) note(`damaged ${line}`);
    for (const bad of names.slice(names.indexOf(name) + 1)) {
      await markCheckpoint(run, bad, "damaged");
    }
    if (damaged.length > 0) note(`resume  from ${name}, the newest whole checkpoint`);
    return folder;
  }
  throw new ClipError(
    "bad-data",
    `Every checkpoint of ${run} is damaged:\n${damaged.map((line) => `  ${line}`).join("\n")}\n` +
      "  Bring them back from a copy, or begin another run.",
    { data: { run, damaged } },
  );
}

/** What checkpoints of a run are made of. */
export interface CheckpointParts {
  readonly description: ModelDescription;
  readonly active: ActiveTraining;
  readonly batches: Pick<BatchStream, "cursor">;
  readonly early: EarlyStopping | undefined;
  readonly identity: RunIdentity;
  readonly prove: WriteProof;
  /** The checkpoint that the run goes on from. */
  readonly from: string | undefined;
}

/** The checkpoints of a run that is training. */
export interface RunCheckpoints {
  /**
   * Writes one now. Where the disk does not take it, those before are kept; that is said, or thrown if it
   * is the last. @returns whether it was written.
   */
  readonly save: (isLast: boolean) => Promise<boolean>;
  /** Takes a step's loss: only a checkpoint that goes on well lets older ones be deleted. */
  readonly took: (step: number, loss: number) => Promise<void>;
  /** Leaves only checkpoints from before the explosion, and says how to go on from the last of them. */
  readonly afterDivergence: (error: ClipError) => Promise<ClipError>;
  /** Ends with the number of checkpoints that are to be kept. */
  readonly finish: () => Promise<void>;
  /** The newest one's folder; empty if there is none. */
  readonly newest: () => string;
}

const stepOf = (name: string): number => Number(name.slice("step-".length));

function advice({ run, learningRate }: CheckpointOptions, last: string | undefined): string {
  const remedies = '  Lower "schedule.learningRate", lengthen "schedule.warmupSteps" or set "gradClipNorm"';
  const settings = [
    `run=${run}-2`,
    ...(last === undefined ? [] : [`model={ from: ${checkpointFolder(run, last)} }`]),
    `schedule.learningRate=${Number((learningRate / 10).toPrecision(3))}`,
  ];
  const words = settings.map((setting) => `--set ${quoteWord(setting)}`).join(" ");
  const beginning =
    last === undefined
      ? `${remedies}, and begin again (there is no checkpoint from before):`
      : `${remedies}, and begin another run from the last good checkpoint, ${last}:`;
  return `${beginning}\n  clip-ts train ${quoteWord(join(run, "config.yaml"))} ${words}`;
}

/** Saves, prunes and clears the checkpoints of a run. */
export function createRunCheckpoints(options: CheckpointOptions, parts: CheckpointParts): RunCheckpoints {
  const { run, keep, seed, globalBatch } = options;
  const { description, active, batches, early, identity, prove } = parts;
  const watch = createExplosionWatch();
  let newest = parts.from ?? "";
  let isUnproven = false;

  const write = async (): Promise<void> => {
    const best = early?.best();
    const cursor = batches.cursor();
    const state = { seed, cursor, globalBatch, identity, ...(best && { best }) };
    const contents = checkpointContents(active.plan, await active.read(), description, prove);
    newest = await saveCheckpoint(run, description, { ...contents, state }, keep + 1);
    isUnproven = true;
  };

  return {
    newest: () => newest,
    async save(isLast) {
      try {
        await write();
        return true;
      } catch (error) {
        if (isLast || !isDiskFault(error)) throw error;
        const reason = error instanceof Error ? error.message : String(error);
        note(`note    no checkpoint of step ${active.steps()}: ${reason}`);
        note(`        Training goes on and tries again; the newest is ${newest || "none"}.`);
        return false;
      }
    },
    async took(step, loss) {
      watch.note(step, loss);
      if (!isUnproven || watch.since() !== undefined) return;
      await pruneCheckpoints(run, keep);
      isUnproven = false;
    },
    async afterDivergence(error) {
      const since = watch.since() ?? active.steps();
      const names = await listCheckpoints(run);
      for (const name of names.filter((name) => stepOf(name) >= since)) {
        await markCheckpoint(run, name, "diverged");
      }
      const last = names.findLast((name) => stepOf(name) < since);
      newest = last === undefined ? "" : checkpointFolder(run, last);
      return new ClipError(error.code, `${error.message}\n${advice(options, last)}`, {
        data: error.data,
        cause: error,
      });
    },
    finish: () => pruneCheckpoints(run, keep),
  };
}

/** Of a rank for which another one writes. */
export const noCheckpoints: RunCheckpoints = {
  save: () => Promise.resolve(true),
  took: () => Promise.resolve(),
  afterDivergence: (error) => Promise.resolve(error),
  finish: () => Promise.resolve(),
  newest: () => "",
};

/** Whether training ended because its numbers did. */
export function isDivergence(error: unknown): error is ClipError {
  return isClipError(error) && error.code === "diverged";
}
