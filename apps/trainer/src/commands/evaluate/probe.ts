import { ClipError } from "@clip-ts/base";
import { joinLeftOut, type MaxSkipped } from "@clip-ts/data";
import {
  embedClasses,
  linearProbe,
  probeShortage,
  type EmbeddedClasses,
  type ProbeShortage,
} from "@clip-ts/evaluation";
import { counter } from "../../cli/output.ts";
import type { ClassFolder, ListedClasses } from "../shared/class-folders.ts";
import { classImages, countImages } from "../shared/images.ts";
import { limitSkipped, withUnreadable } from "../shared/left-out.ts";
import type { OpenModel } from "../shared/open-model.ts";
import type { ProbeFound } from "../../pages/evaluation-tables.ts";

/** How many images a probe has, and what is asked of them. */
export interface ProbeImages {
  readonly folder: string;
  readonly names: readonly string[];
  /** Class of each image. */
  readonly labels: readonly number[];
  /** Whether other images test. */
  readonly hasTest: boolean;
  readonly shots: readonly number[];
}

/** What is lacking, in the words of the command line. */
function wordsFor({ kind, label, images, needed }: ProbeShortage, { names, hasTest }: ProbeImages): string {
  const name = names[label];
  if (kind === "none") return `class "${name}" has no image that can be read.`;
  if (kind === "shots") {
    const beside = hasTest ? "" : " beside those that test";
    return `--shots ${needed} needs ${needed} images of each class to learn from, and class "${name}" has ${images}${beside}.`;
  }
  const who = `class "${name}" has ${images} ${images === 1 ? "image" : "images"} and no class has more`;
  return hasTest
    ? `${who}; a probe needs at least ${needed} in one class, to learn from and to choose the penalty by.`
    : `${who}; a probe needs at least ${needed} in one class, to learn from, to choose the penalty by and to test ` +
        "(2 with other test images in --probe-test).";
}

/** @throws ClipError "bad-argument" that names the class with too few images for a probe, and what is needed. */
function assertEnoughImages(given: ProbeImages): void {
  const { folder, names, labels, hasTest, shots } = given;
  const shortage = probeShortage(labels, { classes: names.length, hasTest, shots });
  if (shortage === undefined) return;
  const message = `${folder}: ${wordsFor(shortage, given)}`;
  throw new ClipError("bad-argument", message, { data: { folder } });
}

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
function assertEnough(labels: readonly number[], { folder, classes, test, shots }: ProbeTask): void {
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
