import { ClipError, randomStream, shuffled, type RandomStream } from "@clip-ts/base";
import { shareRight } from "./zero-shot-scores.ts";
import { countClasses, pickRows } from "./class-rows.ts";
import { fitLinearProbe, predictClasses, type LinearProbeOptions } from "./linear-probe.ts";
import type { LabelledRows } from "./probe-sweep.ts";

/** How examples are drawn. */
export interface FewShotOptions extends LinearProbeOptions {
  /** Examples of each class. */
  readonly shots: number;
  /** Draws to average over (default 3). */
  readonly draws?: number;
  readonly seed?: number;
}

/** Accuracy over several draws. */
export interface FewShotScore {
  readonly shots: number;
  readonly mean: number;
  /** Standard deviation over the draws. */
  readonly deviation: number;
  readonly accuracies: readonly number[];
}

/** Rows of so many examples of each class, drawn without putting back. */
function drawShots(labels: ArrayLike<number>, shots: number, random: RandomStream): number[] {
  const byClass = new Map<number, number[]>();
  Array.from(labels).forEach((label, row) => {
    byClass.set(label, [...(byClass.get(label) ?? []), row]);
  });
  return [...byClass].flatMap(([label, rows]) => {
    if (rows.length >= shots) return shuffled(rows, random).slice(0, shots);
    throw new ClipError(
      "bad-argument",
      `Class ${label} has ${rows.length} examples, fewer than the ${shots} that were asked for.`,
      { data: { label, examples: rows.length, shots } },
    );
  });
}

function assertPositive(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value > 0) return;
  throw new ClipError("bad-argument", `${name} should be a whole number above 0, got ${value}.`, {
    data: { [name]: value },
  });
}

/**
 * Accuracy on the test rows of probes that saw only a few examples of each class.
 * @throws ClipError "bad-argument" if a class has too few, there are no test rows, or as `fitLinearProbe`.
 */
export async function evaluateFewShot(
  train: LabelledRows,
  test: LabelledRows,
  { shots, draws = 3, seed = 0, ...options }: FewShotOptions,
): Promise<FewShotScore> {
  assertPositive("shots", shots);
  assertPositive("draws", draws);
  assertPositive("test rows", test.features.rows);
  const classes = countClasses(train.features, train.labels);
  const accuracies: number[] = [];
  for (let draw = 0; draw < draws; draw++) {
    const rows = drawShots(train.labels, shots, randomStream(seed, "few-shot", shots, draw));
    const labels = rows.map((row) => train.labels[row] as number);
    const probe = await fitLinearProbe(pickRows(train.features, rows), labels, {
      ...options,
      classes,
    });
    accuracies.push(shareRight(await predictClasses(probe, test.features), test.labels));
  }
  const mean = accuracies.reduce((sum, value) => sum + value, 0) / draws;
  const variance = accuracies.reduce((sum, value) => sum + (value - mean) ** 2, 0) / draws;
  return { shots, mean, deviation: Math.sqrt(variance), accuracies };
}
