import { ClipError } from "@clip-ts/base";
import { pickRows } from "../class-rows.ts";
import { evaluateFewShot, type FewShotScore } from "../few-shot.ts";
import { fitLinearProbe, predictClasses, type LinearProbe } from "../linear-probe.ts";
import { splitRows, sweepLinearProbe, type LabelledRows, type SweepPoint } from "../probe-sweep.ts";
import { confusionMatrix, shareRight, type ConfusionMatrix } from "../zero-shot-scores.ts";
import type { EmbeddedClasses } from "./zero-shot.ts";

/** Rows that choose the penalty, of those that a probe may learn from. */
const validationShare = 0.2;
/** Rows that test, where there are no others. */
const testShare = 0.2;

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
  classes: "no class has more, and one needs images to learn from, to choose the penalty by and to test",
  shots: "to learn from, too few for these shots",
};

/** @throws ClipError "bad-argument" with the shortage as data, if there is one. */
function assertEnoughFor(
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

/** What a probe is tested with. */
export interface ProbeTestOptions {
  /** Other images of the same classes; without them a fifth of each class is held out. */
  readonly test?: LabelledRows | undefined;
  /** Examples of each class for few-shot probes as well. */
  readonly shots?: readonly number[];
}

/** What a probe on frozen features reaches. */
export interface ProbeResult {
  /** Fitted to all rows that do not test. */
  readonly probe: LinearProbe;
  readonly trainRows: number;
  readonly testRows: number;
  /** Share of the test rows that are classified rightly. */
  readonly accuracy: number;
  /** Where the sweep found accuracy on held-out training rows to peak. */
  readonly inversePenalty: number;
  readonly sweep: readonly SweepPoint[];
  /** In the order of `shots`, with the same penalty. */
  readonly fewShot: readonly FewShotScore[];
  readonly confusion: ConfusionMatrix;
}

function pick({ features, labels }: LabelledRows, rows: readonly number[]): LabelledRows {
  return { features: pickRows(features, rows), labels: rows.map((row) => labels[row] as number) };
}

function split(all: LabelledRows, share: number): [LabelledRows, LabelledRows] {
  const { kept, heldOut } = splitRows(all.labels, { share });
  return [pick(all, kept), pick(all, heldOut)];
}

/**
 * Fits a probe to frozen features as CLIP is evaluated (Radford et al. 2021, arXiv:2103.00020, appendix A.3)
 * and tests it on rows that it has not seen: a sweep over the penalty by a held-out fifth of what it may
 * learn from, then one fit to all of it; few-shot probes with that penalty. The features are those of
 * `embedClasses`, or of any model.
 * @throws ClipError "bad-argument" if a class has too few rows, with a `ProbeShortage` as data.
 */
export async function linearProbe(
  images: Pick<EmbeddedClasses, "features" | "labels" | "names">,
  { test: other, shots = [] }: ProbeTestOptions = {},
): Promise<ProbeResult> {
  assertEnoughFor(images.names, images.labels, { hasTest: other !== undefined, shots });
  const [train, test] = other === undefined ? split(images, testShare) : [images, other];
  const found = await sweepLinearProbe(...split(train, validationShare));
  const { inversePenalty, points, probe: start } = found;
  const options = { inversePenalty, classes: images.names.length };
  const probe = await fitLinearProbe(train.features, train.labels, { ...options, start });
  const predicted = await predictClasses(probe, test.features);
  const fewShot: FewShotScore[] = [];
  for (const count of shots) {
    fewShot.push(await evaluateFewShot(train, test, { shots: count, ...options }));
  }
  return {
    probe,
    trainRows: train.features.rows,
    testRows: test.features.rows,
    accuracy: shareRight(predicted, test.labels),
    inversePenalty,
    sweep: points,
    fewShot,
    confusion: confusionMatrix(predicted, test.labels, options.classes),
  };
}
