import { ClipError } from "@clip-ts/base";
import type { HostArray, HostArrays } from "@clip-ts/core";

/** A step whose loss or gradient is no number. */
export interface DivergedStep {
  readonly step: number;
  readonly loss: number;
  readonly gradNorm: number;
  readonly learningRate: number;
}

function lengthOf({ data }: HostArray): number {
  let squares = 0;
  for (const value of data) squares += value * value;
  return Math.sqrt(squares);
}

/** The parameters whose gradient is not finite, or has the largest norm if all are. */
function worstGradients(gradients: HostArrays): string {
  const norms = Object.entries(gradients).map(([path, leaf]) => [path, lengthOf(leaf)] as const);
  const broken = norms.filter(([, norm]) => !Number.isFinite(norm));
  const named = (broken.length > 0 ? broken : norms.toSorted((a, b) => b[1] - a[1])).slice(0, 3);
  const total = broken.length > 0 ? ` (${broken.length} of ${norms.length} not finite)` : "";
  return `${named.map(([path, norm]) => `${path} ${norm.toPrecision(3)}`).join(", ")}${total}`;
}

/** The error that ends a diverged training: where it happened and which gradients. */
export function diverged(facts: DivergedStep, gradients: HostArrays): ClipError {
  const { step, loss, gradNorm, learningRate } = facts;
  return new ClipError(
    "diverged",
    `Training diverged at step ${step}: loss ${loss}, gradient norm ${gradNorm}, ` +
      `learning rate ${learningRate.toPrecision(3)}.\n` +
      `  Gradients: ${worstGradients(gradients)}`,
    { data: { ...facts } },
  );
}
