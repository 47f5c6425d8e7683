import { ClipError } from "@clip-ts/base";
import { splitRows } from "../split-rows.ts";

/** Rows that choose the penalty, of those that a probe may learn from. */
export const validationShare = 0.2;
/** Rows that test, where there are no others. */
export const testShare = 0.2;

/** What is asked of the images of a probe. */
export interface ProbeDemand {
  readonly classes: number;
  /** Whether other images test. */
  readonly hasTest: boolean;
  /** Examples of each class for few-shot probes. */
  readonly shots: readonly number[];
}

/** Why there are too few images for a probe. */
export interface ProbeShortage {
  /** `none`: a class has no image; `classes`: no class has enough; `shots`: one has too few for few-shot probes. */
  readonly kind: "none" | "classes" | "shots";
  /** The class that has too few; of `classes` the one that has most. */
  readonly label: number;
  /** Its images; of `shots`, those that it may learn from. */
  readonly images: number;
  readonly needed: number;
}

function countsOf(labels: readonly number[], classes: number): number[] {
  const counts = Array.from({ length: classes }, () => 0);
  for (const label of labels) counts[label]! += 1;
  return counts;
}

/**
 * A probe learns from some images, chooses its penalty by others and is tested by others still: what it
 * lacks, undefined if nothing. `labels[row]` is the class of each image.
 */
export function probeShortage(
  labels: readonly number[],
  { classes, hasTest, shots }: ProbeDemand,
): ProbeShortage | undefined {
  const counts = countsOf(labels, classes);
  const empty = counts.indexOf(0);
  if (empty !== -1) return { kind: "none", label: empty, images: 0, needed: 1 };
  const kept = hasTest ? [...labels.keys()] : splitRows(labels, { share: testShare }).kept;
  const train = kept.map((row) => labels[row]!);
  if (splitRows(train, { share: validationShare }).heldOut.length === 0) {
    const images = Math.max(...counts);
    return { kind: "classes", label: counts.indexOf(images), images, needed: hasTest ? 2 : 3 };
  }
  const learning = countsOf(train, classes);
  for (const needed of shots) {
    const label = learning.findIndex((count) => count < needed);
    if (label !== -1) return { kind: "shots", label, images: learning[label]!, needed };
  }
  return undefined;
}

const needs: Readonly<Record<ProbeShortage["kind"], string>> = {
  none: "every class needs one that can be read",
  classes:
    "no class has more, and one needs images to learn from, to choose the penalty by and to test",
  shots: "to learn from, too few for these shots",
};

/** @throws ClipError "bad-argument" with the shortage as data, if there is one. */
export function assertEnoughFor(
  names: readonly string[],
  labels: readonly number[],
  demand: Omit<ProbeDemand, "classes">,
): void {
  const shortage = probeShortage(labels, { classes: names.length, ...demand });
  if (shortage === undefined) return;
  const { kind, label, images, needed } = shortage;
  throw new ClipError(
    "bad-argument",
    `Class "${names[label]}" has ${images} of the ${needed} images that a probe needs: ${needs[kind]}.`,
    { data: { ...shortage } },
  );
}
