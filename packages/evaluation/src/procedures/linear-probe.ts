import { confusionMatrix, shareRight, type ConfusionMatrix } from "../confusion-matrix.ts";
import { pickRows } from "../feature-rows.ts";
import { evaluateFewShot, type FewShotScore } from "../few-shot.ts";
import { fitLinearProbe, predictClasses, type LinearProbe } from "../linear-probe.ts";
import { sweepLinearProbe, type LabelledRows, type SweepPoint } from "../probe-sweep.ts";
import { splitRows } from "../split-rows.ts";
import type { EmbeddedClasses } from "./embed-classes.ts";
import { assertEnoughFor, testShare, validationShare } from "./probe-shortage.ts";

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
