import {
  confusionMatrix,
  evaluateFewShot,
  fitLinearProbe,
  pickRows,
  predictClasses,
  shareRight,
  splitRows,
  sweepLinearProbe,
  type ConfusionMatrix,
  type FewShotScore,
  type LabelledRows,
  type SweepPoint,
} from "@clip-ts/evaluation";
import { joinLeftOut, type LeftOut, type MaxSkipped } from "@clip-ts/data";
import { embedReadable, type SkippedJob } from "@clip-ts/model";
import { counter } from "../../cli/output.ts";
import type { ClassFolder, ListedClasses } from "./class-folders.ts";
import { assertEnoughImages, testShare, validationShare } from "./enough-images.ts";
import { imageJobs } from "./images.ts";
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

/** What a probe on frozen features reaches. */
export interface ProbeResult {
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

type EmbeddedClasses = LabelledRows & Pick<ProbeResult, "skipped" | "leftOut">;

async function embedClasses(
  { clip, description }: OpenModel,
  { classes, leftOut }: ListedClasses,
  { folder, maxSkipped }: ProbeTask,
): Promise<EmbeddedClasses> {
  const files = classes.flatMap(({ images }, label) => images.map((path) => ({ path, label })));
  const paths = files.map(({ path }) => path);
  const { features, kept, skipped } = await embedReadable(clip, imageJobs(paths, description), {
    onProgress: counter("images", paths.length),
    onSkip: limitSkipped(folder, paths.length, maxSkipped),
  });
  const labels = kept.map((index) => files[index]?.label ?? 0);
  return { features, labels, skipped, leftOut: withUnreadable(leftOut, skipped) };
}

function pick({ features, labels }: LabelledRows, rows: readonly number[]): LabelledRows {
  return { features: pickRows(features, rows), labels: rows.map((row) => labels[row] as number) };
}

function split(all: LabelledRows, share: number): [LabelledRows, LabelledRows] {
  const { kept, heldOut } = splitRows(all.labels, { share });
  return [pick(all, kept), pick(all, heldOut)];
}

/** Labels of as many rows as each class has images. */
const labelsOf = (classes: readonly ClassFolder[]): number[] =>
  classes.flatMap(({ images }, label) => images.map(() => label));

/** @throws ClipError "bad-argument" if images of these classes are too few for the task. */
function assertEnough(
  labels: ArrayLike<number>,
  { folder, classes, test, shots }: ProbeTask,
): void {
  const names = classes.map(({ name }) => name);
  const hasTest = test !== undefined;
  assertEnoughImages({ folder, names, labels: Array.from(labels), hasTest, shots });
}

/**
 * Fits probes on a model's image features and tests them on images that they have not seen.
 * @throws ClipError "bad-argument" if the classes have too few.
 */
export async function runProbe(model: OpenModel, task: ProbeTask): Promise<ProbeResult> {
  assertEnough(labelsOf(task.classes), task);
  const given = await embedClasses(model, task, task);
  assertEnough(given.labels, task);
  const other = task.test === undefined ? undefined : await embedClasses(model, task.test, task);
  const [train, test] = other === undefined ? split(given, testShare) : [given, other];
  const found = await sweepLinearProbe(...split(train, validationShare));
  const { inversePenalty, points, probe: start } = found;
  const classes = task.classes.length;
  const options = { inversePenalty, classes };
  const probe = await fitLinearProbe(train.features, train.labels, { ...options, start });
  const predicted = await predictClasses(probe, test.features);
  const fewShot: FewShotScore[] = [];
  for (const shots of task.shots) {
    fewShot.push(await evaluateFewShot(train, test, { shots, ...options }));
  }
  return {
    folder: task.folder,
    classes: task.classes.map(({ name }) => name),
    trainImages: train.features.rows,
    testImages: test.features.rows,
    accuracy: shareRight(predicted, test.labels),
    inversePenalty,
    converged: probe.converged,
    sweep: points,
    fewShot,
    confusion: confusionMatrix(predicted, test.labels, classes),
    skipped: [...given.skipped, ...(other?.skipped ?? [])],
    leftOut: joinLeftOut([given.leftOut, other?.leftOut ?? []]),
  };
}
