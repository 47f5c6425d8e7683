import { ClipError } from "@clip-ts/base";
import type { FlatTree } from "@clip-ts/core";
import {
  add,
  addN,
  div,
  maximum,
  minimum,
  mul,
  sqrt,
  sum,
  tidy,
  type Scalar,
  type Tensor,
} from "@tensorflow/tfjs-core";
import { decaysByDefault, resolveByPath, type LeafTraits, type PathRules } from "./leaf-rules.ts";
import { orthogonalByDefault } from "./muon.ts";
import type { OptimizerConfig, UpdateInput } from "./optimizer.ts";
import type { ScalarValue } from "./schedule.ts";
import type { LeafUpdate } from "./update-rules.ts";

/** Values that a parameter keeps to after each step. */
export interface Bounds {
  readonly min: number;
  readonly max: number;
}

/**
 * Keeps what a step made of `previous` within bounds. A value that was outside already stays where it is
 * or comes nearer, so that no step moves it by more than its gradient says. The caller owns the result.
 */
export function keepWithin(moved: Tensor, previous: Tensor, { min, max }: Bounds): Tensor {
  return tidy(() => {
    const [lowest, highest] = [minimum(previous, min), maximum(previous, max)];
    return minimum(maximum(moved, lowest), highest);
  });
}

/**
 * The factor that makes gradients of this length no longer than `maxNorm`: min(1, maxNorm / (norm + 1e-6)),
 * PyTorch's formula. A number for a number, a tensor, which the caller owns, for a tensor.
 */
export function clipFactor(norm: ScalarValue, maxNorm: number): ScalarValue {
  if (typeof norm === "number") return Math.min(1, maxNorm / (norm + 1e-6));
  return minimum<Scalar>(1, div(maxNorm, add(norm, 1e-6)));
}

/** Euclidean length of all gradients taken as one vector. The caller owns the scalar. */
export function globalNorm(grads: FlatTree<Tensor>): Scalar {
  const leaves = Object.values(grads);
  if (leaves.length === 0) throw new ClipError("bad-argument", "Expected at least one gradient.");
  return tidy(() => sqrt(addN(leaves.map((leaf) => sum<Scalar>(mul(leaf, leaf))))));
}

/** Gradients of at most `maxNorm`, and the norm they had before. */
export interface ClippedGrads {
  readonly grads: Record<string, Tensor>;
  readonly norm: Scalar;
}

/**
 * Scales all gradients by `clipFactor`. Borrows `grads`; the
 * caller owns the results.
 */
export function clipByGlobalNorm(grads: FlatTree<Tensor>, maxNorm: number): ClippedGrads {
  const norm = globalNorm(grads);
  const clipped = tidy(() => {
    const coefficient = clipFactor(norm, maxNorm);
    return Object.fromEntries(Object.entries(grads).map(([path, leaf]) => [path, mul(leaf, coefficient)]));
  });
  return { grads: clipped, norm };
}

const defaultWeightDecay = { adamw: 0.2, sgd: 0, lion: 0, muon: 0.1, adafactor: 0 };

function leafOf(tree: FlatTree<Tensor> | undefined, path: string, treeName: string): Tensor {
  const leaf = tree?.[path];
  if (leaf !== undefined) return leaf;
  throw new ClipError("bad-argument", `The ${treeName} have no leaf "${path}".`, {
    data: { path },
  });
}

/** What the config says about one parameter. */
export interface LeafSetting {
  readonly path: string;
  readonly shape: number[];
  readonly weightDecay: number;
  readonly multiplier: number;
  /** Moved as one matrix. */
  readonly isMatrix: boolean;
  /** The least and the most it may become by a step, if it has bounds. */
  readonly min?: number;
  readonly max?: number;
}

const matrixRules = (config: OptimizerConfig): PathRules<boolean> =>
  config.kind === "muon" ? (config.matrices ?? []) : [];

/** The setting of every parameter, in tree order. A pattern that matches no path is an error. */
export function settleLeaves(
  config: OptimizerConfig,
  params: FlatTree<LeafTraits>,
  bounds: Readonly<Record<string, Bounds>>,
): LeafSetting[] {
  const paths = Object.keys(params);
  const decay = resolveByPath<boolean | undefined>(paths, config.decay ?? [], undefined);
  const multipliers = resolveByPath(paths, config.multipliers ?? [], 1);
  const { weightDecay = defaultWeightDecay[config.kind] } = config;
  const matrices = resolveByPath<boolean | undefined>(paths, matrixRules(config), undefined);
  return Object.entries(params).map(([path, leaf]) => ({
    path,
    shape: [...leaf.shape],
    weightDecay: (decay[path] ?? decaysByDefault(leaf)) ? weightDecay : 0,
    multiplier: multipliers[path] ?? 1,
    isMatrix: config.kind === "muon" && (matrices[path] ?? orthogonalByDefault(leaf, path)),
    ...bounds[path],
  }));
}

/** One leaf of every tree, all checked before the first is consumed. */
export function gatherLeaves(
  { params, grads, slots, scalars }: UpdateInput,
  settings: readonly LeafSetting[],
  slotNames: readonly string[],
): (LeafSetting & LeafUpdate)[] {
  const known = new Set(settings.map(({ path }) => path));
  const unknown = Object.keys(params).find((path) => !known.has(path));
  if (unknown !== undefined) {
    throw new ClipError("bad-argument", `The optimiser was not made for a leaf "${unknown}".`, {
      data: { path: unknown },
    });
  }
  return settings.map((setting) => ({
    ...setting,
    scalars,
    param: leafOf(params, setting.path, "params"),
    grad: leafOf(grads, setting.path, "grads"),
    slots: slotNames.map((slot) => leafOf(slots[slot], setting.path, `slots "${slot}"`)),
  }));
}
