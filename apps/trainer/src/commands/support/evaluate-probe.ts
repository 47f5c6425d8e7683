import {
  embedClasses,
  linearProbe,
  type ConfusionMatrix,
  type EmbeddedClasses,
  type FewShotScore,
  type SweepPoint,
} from "@clip-ts/evaluation";
import { joinLeftOut, type LeftOut, type MaxSkipped } from "@clip-ts/data";
import type { SkippedJob } from "@clip-ts/model";
import { counter } from "../../cli/output.ts";
import { classImages, countImages } from "../../evaluation/images-of.ts";
import type { ClassFolder, ListedClasses } from "./class-folders.ts";
import { assertEnoughImages } from "./enough-images.ts";
import { limitSkipped, withUnreadable } from "./left-out.ts";
import type { OpenModel } from "./open-model.ts";

/** What a probe is fitted to. */
export interface ProbeTask extends ListedClasses {
  readonly folder: string;
  /** The same classes in other images; without them a fifth of each class is held out. */
  readonly test?: ListedClasses | undefined;
  /** Examples of each class for few-shot probes. */
  readonly shots: readonly number[];
  /** How many images may be unreadable, of either set. */
  readonly maxSkipped?: MaxSkipped | undefined;
}

/** What a probe on frozen features reaches, as it is reported. */
export interface ProbeFound {
  readonly folder: string;
  readonly classes: readonly string[];
  readonly trainImages: number;
  readonly testImages: number;
  readonly accuracy: number;
  readonly inversePenalty: number;
  /** Whether the probe is the best one at this penalty, or its search ended before. */
  readonly converged: boolean;
  readonly sweep: readonly SweepPoint[];
  readonly fewShot: readonly FewShotScore[];
  readonly confusion: ConfusionMatrix;
  readonly skipped: readonly SkippedJob[];
  readonly leftOut: readonly LeftOut[];
}

type Embedded = EmbeddedClasses & Pick<ProbeFound, "leftOut">;

async function embedListed(
  { clip, description }: OpenModel,
  listed: ListedClasses,
  { folder, maxSkipped }: ProbeTask,
): Promise<Embedded> {
  const total = countImages(listed);
  const found = await embedClasses(clip, classImages(listed, description.preprocess), {
    onProgress: counter("images", total),
    onSkip: limitSkipped(folder, total, maxSkipped),
  });
  return { ...found, leftOut: withUnreadable(listed.leftOut, found.skipped) };
}

/** Labels of as many rows as each class has images. */
const labelsOf = (classes: readonly ClassFolder[]): number[] =>
  classes.flatMap(({ images }, label) => images.map(() => label));

/** @throws ClipError "bad-argument" if images of these classes are too few for the task. */
function assertEnough(
  labels: readonly number[],
  { folder, classes, test, shots }: ProbeTask,
): void {
  const names = classes.map(({ name }) => name);
  assertEnoughImages({ folder, names, labels, hasTest: test !== undefined, shots });
}

/**
 * Fits probes on a model's image features and tests them on images that they have not seen.
 * @throws ClipError "bad-argument" if the classes have too few.
 */
export async function runProbe(model: OpenModel, task: ProbeTask): Promise<ProbeFound> {
  assertEnough(labelsOf(task.classes), task);
  const given = await embedListed(model, task, task);
  assertEnough(given.labels, task);
  const test = task.test === undefined ? undefined : await embedListed(model, task.test, task);
  const { shots } = task;
  const { probe, trainRows, testRows, ...found } = await linearProbe(given, { test, shots });
  return {
    folder: task.folder,
    classes: given.names,
    trainImages: trainRows,
    testImages: testRows,
    accuracy: found.accuracy,
    inversePenalty: found.inversePenalty,
    converged: probe.converged,
    sweep: found.sweep,
    fewShot: found.fewShot,
    confusion: found.confusion,
    skipped: [...given.skipped, ...(test?.skipped ?? [])],
    leftOut: joinLeftOut([given.leftOut, test?.leftOut ?? []]),
  };
}
