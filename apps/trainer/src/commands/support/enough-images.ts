import { ClipError } from "@clip-ts/base";
import { probeShortage, type ProbeShortage } from "@clip-ts/evaluation";

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
function wordsFor(
  { kind, label, images, needed }: ProbeShortage,
  { names, hasTest }: ProbeImages,
): string {
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
export function assertEnoughImages(given: ProbeImages): void {
  const { folder, names, labels, hasTest, shots } = given;
  const shortage = probeShortage(labels, { classes: names.length, hasTest, shots });
  if (shortage === undefined) return;
  const message = `${folder}: ${wordsFor(shortage, given)}`;
  throw new ClipError("bad-argument", message, { data: { folder } });
}
