import { ClipError, randomStream, shuffled } from "@clip-ts/base";
import type { FeatureRows } from "@clip-ts/core";
import { shareRight } from "./zero-shot-scores.ts";
import { fitLinearProbe, predictClasses, type LinearProbe, type LinearProbeOptions } from "./linear-probe.ts";

/** Places of rows, parted in two. */
export interface RowSplit {
  readonly kept: readonly number[];
  readonly heldOut: readonly number[];
}

/**
 * Holds a share of each class's rows out, drawn by the seed: at least one of each class that has two,
 * none of a class that has one.
 */
export function splitRows(
  labels: ArrayLike<number>,
  { share, seed = 0 }: { readonly share: number; readonly seed?: number },
): RowSplit {
  const byClass = new Map<number, number[]>();
  Array.from(labels).forEach((label, row) => {
    byClass.set(label, [...(byClass.get(label) ?? []), row]);
  });
  const parts = [...byClass].map(([label, rows]) => {
    const count = rows.length < 2 ? 0 : Math.max(1, Math.round(share * rows.length));
    const order = shuffled(rows, randomStream(seed, "split", label));
    return { kept: order.slice(count), heldOut: order.slice(0, count) };
  });
  const inOrder = (rows: readonly number[]): number[] => rows.toSorted((a, b) => a - b);
  return {
    kept: inOrder(parts.flatMap(({ kept }) => kept)),
    heldOut: inOrder(parts.flatMap(({ heldOut }) => heldOut)),
  };
}

/** Features with the class of every row. */
export interface LabelledRows {
  readonly features: FeatureRows;
  readonly labels: ArrayLike<number>;
}

/** One strength of the penalty and what it led to. */
export interface SweepPoint {
  readonly inversePenalty: number;
  /** Share of the validation rows that are classified rightly. */
  readonly accuracy: number;
}

/** The best probe of a sweep. */
export interface SweepResult {
  readonly probe: LinearProbe;
  readonly inversePenalty: number;
  /** Every point tried, weakest features' weight first. */
  readonly points: readonly SweepPoint[];
}

/** First guesses, as CLIP's paper: seven from 1e-6 to 1e6. */
const coarse = [-6, -4, -2, 0, 2, 4, 6];
/** Smallest step between exponents: 8 per decade, the paper's 96 points over 12 decades. */
const finest = 1 / 8;

/** Where accuracy is highest; of equals the middle, farthest from where it falls off. */
function middlePeak(points: readonly { readonly at: number; readonly accuracy: number }[]): number {
  const best = Math.max(...points.map(({ accuracy }) => accuracy));
  const peaks = points.filter(({ accuracy }) => accuracy === best).map(({ at }) => at);
  return peaks.toSorted((a, b) => a - b)[Math.floor(peaks.length / 2)] as number;
}

type ProbesByExponent = ReadonlyMap<number, { readonly probe: LinearProbe }>;

/** share · a + (1 - share) · b */
function mix(a: Float32Array, b: Float32Array, share: number): Float32Array {
  return a.map((value, index) => share * value + (1 - share) * b[index]!);
}

/** Where a fit should begin: between the probes of the strengths on both sides, else at the nearest. */
function startFor(exponent: number, tried: ProbesByExponent): LinearProbeOptions["start"] {
  const ordered = [...tried.keys()].toSorted((a, b) => a - b);
  const [below, above] = [ordered.findLast((at) => at < exponent), ordered.find((at) => at > exponent)];
  const probeAt = (at: number | undefined): LinearProbe | undefined =>
    at === undefined ? undefined : tried.get(at)?.probe;
  const [lower, upper] = [probeAt(below), probeAt(above)];
  if (lower === undefined || upper === undefined) return lower ?? upper;
  const share = (above! - exponent) / (above! - below!);
  return {
    weight: { ...lower.weight, values: mix(lower.weight.values, upper.weight.values, share) },
    bias: mix(lower.bias, upper.bias, share),
  };
}

/**
 * Finds the penalty whose probe does best on the validation rows: seven strengths first, then ever
 * finer ones about the peak, the middle of equals (the parametric binary search of Radford et al. 2021, appendix A.3).
 * Each fit begins between the probes of the strengths beside it and goes on to the full tolerance: a row of two close
 * logits decides between strengths, so that none may be left undecided.
 * @throws ClipError "bad-argument" if there are no validation rows, or as `fitLinearProbe`.
 */
export async function sweepLinearProbe(
  train: LabelledRows,
  validation: LabelledRows,
  options: Omit<LinearProbeOptions, "inversePenalty"> = {},
): Promise<SweepResult> {
  if (validation.features.rows === 0) {
    throw new ClipError(
      "bad-argument",
      "A penalty is chosen by rows that the probe has not seen: expected at least one to validate with, got none.",
    );
  }
  const tried = new Map<number, SweepPoint & { readonly probe: LinearProbe }>();
  const attempt = async (exponent: number): Promise<void> => {
    if (tried.has(exponent)) return;
    const inversePenalty = 10 ** exponent;
    const probe = await fitLinearProbe(train.features, train.labels, {
      start: startFor(exponent, tried),
      ...options,
      inversePenalty,
    });
    const predicted = await predictClasses(probe, validation.features);
    tried.set(exponent, {
      inversePenalty,
      accuracy: shareRight(predicted, validation.labels),
      probe,
    });
  };
  const peak = (): number => middlePeak([...tried].map(([at, { accuracy }]) => ({ at, accuracy })));
  for (const exponent of coarse) await attempt(exponent);
  for (let step = 1; step >= finest; step /= 2) {
    const center = peak();
    await attempt(center - step);
    await attempt(center + step);
  }
  const best = tried.get(peak()) as SweepPoint & { readonly probe: LinearProbe };
  const points = [...tried.values()]
    .map(({ inversePenalty, accuracy }) => ({ inversePenalty, accuracy }))
    .toSorted((a, b) => a.inversePenalty - b.inversePenalty);
  return { probe: best.probe, inversePenalty: best.inversePenalty, points };
}
