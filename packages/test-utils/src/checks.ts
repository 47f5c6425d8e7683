import { isClipError, randomStream, type ClipError } from "@clip-ts/base";
import { flattenTree, mapTree, sizeOf, valueAndGradient } from "@clip-ts/core";
import { repairWasmBackend } from "@clip-ts/core/wasm";
import {
  dispose,
  memory,
  mul,
  setBackend,
  sum,
  tensor,
  tidy,
  type Tensor,
  type TypedArray,
} from "@tensorflow/tfjs-core";

type Values = TypedArray | Uint8ClampedArray | Float64Array | readonly number[];

/** Largest |a - b|. Arrays of different lengths or with a NaN are infinitely apart. */
export function largestDifference(actual: Values, expected: Values): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let index = 0; index < expected.length; index++) {
    const difference = Math.abs((actual[index] as number) - (expected[index] as number));
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Infinity : difference;
  }
  return largest;
}

function length(values: Values): number {
  let squares = 0;
  for (let index = 0; index < values.length; index++) squares += (values[index] as number) ** 2;
  return Math.sqrt(squares);
}

/**
 * ‖a - b‖ / ‖b‖, the error of an array as a whole; `floor` keeps near-zero references (a key's bias,
 * whose gradient is 0 in theory) from being judged by their rounding noise.
 */
export function relativeError(actual: Values, expected: Values, floor = 1e-12): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  const difference = Float64Array.from(expected, (value, index) => (actual[index] as number) - value);
  const error = length(difference) / Math.max(length(expected), floor);
  return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
}

/** Normal numbers that depend on (label, shape) only. The caller owns the tensor. */
export function randomTensor(shape: readonly number[], label: string | number = "x", std = 1): Tensor {
  const random = randomStream(11, label, ...shape);
  const values = Float32Array.from({ length: sizeOf(shape) }, () => std * random.normal());
  return tensor(values, [...shape], "float32");
}

/** Number of tensors that `run` leaves behind. */
export async function tensorsLeftBy(run: () => unknown): Promise<number> {
  const before = memory().numTensors;
  await run();
  return memory().numTensors - before;
}

/** Runs what follows on tfjs's cpu backend (the oracle) or on the repaired wasm backend. */
export async function useEngine(name: "cpu" | "wasm"): Promise<void> {
  if (name === "wasm") {
    await import("@tensorflow/tfjs-backend-wasm");
    repairWasmBackend();
  }
  if (!(await setBackend(name))) throw new Error(`The ${name} backend did not start.`);
}

/** The error that a function refuses with. @throws if it does not, or with anything but a ClipError. */
export function refusalOf(run: () => unknown): ClipError {
  try {
    run();
  } catch (error) {
    if (isClipError(error)) return error;
  }
  throw new Error("expected a ClipError");
}

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
        return valueAt(() => objective(mapTree<Tree, Tensor, Tensor>(params, swap) as unknown as Tree));
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
