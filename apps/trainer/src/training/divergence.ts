import { ClipError } from "@clip-ts/base";
import type { FlatTree } from "@clip-ts/core";
import { globalNorm } from "@clip-ts/optim";
import type { Tensor } from "@tensorflow/tfjs-core";

/** A step whose loss or gradient is no number. */
export interface DivergedStep {
  readonly step: number;
  readonly loss: number;
  readonly gradNorm: number;
  readonly learningRate: number;
}

/** The parameters whose gradient is not finite, or has the largest norm if all are. */
async function worstGradients(grads: FlatTree<Tensor>): Promise<string> {
  const norms: [string, number][] = [];
  for (const [path, leaf] of Object.entries(grads)) {
    const norm = globalNorm({ [path]: leaf });
    norms.push([path, (await norm.data())[0] as number]);
    norm.dispose();
  }
  const broken = norms.filter(([, norm]) => !Number.isFinite(norm));
  const named = (broken.length > 0 ? broken : norms.toSorted((a, b) => b[1] - a[1])).slice(0, 3);
  const total = broken.length > 0 ? ` (${broken.length} of ${norms.length} not finite)` : "";
  return `${named.map(([path, norm]) => `${path} ${norm.toPrecision(3)}`).join(", ")}${total}`;
}

/** True if training can go on from this step. */
export function isFiniteStep({ loss, gradNorm }: DivergedStep): boolean {
  return Number.isFinite(loss) && Number.isFinite(gradNorm);
}

/** The error that ends a diverged run: where it happened and which gradients. */
export async function diverged(facts: DivergedStep, grads: FlatTree<Tensor>): Promise<ClipError> {
  const { step, loss, gradNorm, learningRate } = facts;
  return new ClipError(
    "diverged",
    `Training diverged at step ${step}: loss ${loss}, gradient norm ${gradNorm}, ` +
      `learning rate ${learningRate.toPrecision(3)}.\n` +
      `  Gradients: ${await worstGradients(grads)}`,
    { data: { ...facts } },
  );
}
