import { randomStream } from "@clip-ts/base";
import { flattenTree, mapTree, valueAndGradient } from "@clip-ts/core";
import { dispose, mul, sum, tensor, tidy, type Tensor } from "@tensorflow/tfjs-core";

/** A disagreement between a derivative and a central difference. */
export interface GradientFault {
  readonly path: string;
  readonly analytic: number;
  readonly numeric: number;
}

export interface GradientCheckOptions {
  /** Half the distance of the central difference. */
  readonly step?: number;
  /** Largest |analytic - numeric| / max(1, |numeric|) let pass. */
  readonly tolerance?: number;
  /** Entries tried per leaf. */
  readonly entries?: number;
}

/** A scalar out of any output: its sum weighted by fixed random numbers, so that no entry cancels. */
export function weightedSum(output: Tensor, seed = 1): Tensor {
  const random = randomStream(seed, "weighted sum");
  const weights = Float32Array.from({ length: output.size }, () => random.normal());
  return sum(mul(output, tensor(weights, output.shape)));
}

async function valueAt(objective: () => Tensor): Promise<number> {
  const result = tidy(objective);
  const [value = Number.NaN] = await result.data();
  result.dispose();
  return value;
}

/**
 * Compares the gradient of every leaf with central differences of the function itself.
 * @returns the entries that disagree: none if the gradient is right.
 */
export async function gradientFaults<Tree extends object>(
  objective: (params: Tree) => Tensor,
  params: Tree,
  options: GradientCheckOptions = {},
): Promise<GradientFault[]> {
  const { step = 1e-2, tolerance = 1e-2, entries = 2 } = options;
  const { value, gradient } = valueAndGradient((tree: Tree) => ({ loss: objective(tree) }), params);
  const gradients = flattenTree<Tensor>(gradient);
  const faults: GradientFault[] = [];
  for (const [path, leaf] of Object.entries(flattenTree<Tensor>(params))) {
    const values = await leaf.data();
    const derivatives = await (gradients[path] as Tensor).data();
    const random = randomStream(7, path);
    for (let round = 0; round < Math.min(entries, leaf.size); round++) {
      const index = random.integer(leaf.size);
      const at = (delta: number): Promise<number> => {
        const moved = Float32Array.from(values);
        moved[index] = (values[index] as number) + delta;
        const swap = (other: Tensor, otherPath: string): Tensor =>
          otherPath === path ? tensor(moved, leaf.shape) : other;
        return valueAt(() =>
          objective(mapTree<Tree, Tensor, Tensor>(params, swap) as unknown as Tree),
        );
      };
      const numeric = ((await at(step)) - (await at(-step))) / (2 * step);
      const analytic = derivatives[index] as number;
      const apart = Math.abs(analytic - numeric) / Math.max(1, Math.abs(numeric));
      if (!(apart <= tolerance)) faults.push({ path: `${path}[${index}]`, analytic, numeric });
    }
  }
  dispose([value, ...Object.values(gradients)]);
  return faults;
}
