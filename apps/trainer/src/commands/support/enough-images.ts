import { ClipError } from "@clip-ts/base";
import { splitRows } from "@clip-ts/evaluation";

/** Rows that tell the penalty, of those that a probe may learn from. */
export const validationShare = 0.2;
/** Rows that test, where no other folder does. */
export const testShare = 0.2;

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

function countsOf(labels: readonly number[], names: readonly string[]): number[] {
  const counts = names.map(() => 0);
  for (const label of labels) counts[label]! += 1;
  return counts;
}

function fail(folder: string, message: string): never {
  throw new ClipError("bad-argument", `${folder}: ${message}`, { data: { folder } });
}

/** What no class is enough for, named by the largest. */
function failForAll({ folder, names, labels, hasTest }: ProbeImages): never {
  const counts = countsOf(labels, names);
  const most = Math.max(...counts);
  const who = `class "${names[counts.indexOf(most)]}" has ${most} ${most === 1 ? "image" : "images"} and no class has more`;
  return fail(
    folder,
    hasTest
      ? `${who}; a probe needs at least 2 in one class, to learn from and to choose the penalty by.`
      : `${who}; a probe needs at least 3 in one class, to learn from, to choose the penalty by and to test ` +
          "(2 with other test images in --probe-test).",
  );
}

function checkShots({ folder, names, hasTest, shots }: ProbeImages, counts: number[]): void {
  for (const wanted of shots) {
    const few = counts.findIndex((count) => count < wanted);
    if (few === -1) continue;
    const beside = hasTest ? "" : " beside those that test";
    fail(
      folder,
      `--shots ${wanted} needs ${wanted} images of each class to learn from, and class "${names[few]}" has ` +
        `${counts[few]}${beside}.`,
    );
  }
}

/**
 * A probe learns from some images, chooses its penalty by others and is tested by others still.
 * @throws ClipError "bad-argument" that names the class with too few, and what is needed.
 */
export function assertEnoughImages(images: ProbeImages): void {
  const { folder, names, labels, hasTest } = images;
  const empty = names[countsOf(labels, names).indexOf(0)];
  if (empty !== undefined) fail(folder, `class "${empty}" has no image that can be read.`);
  const kept = hasTest ? [...labels.keys()] : splitRows(labels, { share: testShare }).kept;
  const train = kept.map((row) => labels[row]!);
  if (splitRows(train, { share: validationShare }).heldOut.length === 0) failForAll(images);
  checkShots(images, countsOf(train, names));
}
