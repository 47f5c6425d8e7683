import type { Tensor } from "@tensorflow/tfjs-core";
import { ClipError } from "@clip-ts/base";
import type { FlatTree } from "@clip-ts/core";
import type { Bounds } from "./bounds.ts";
import { decaysByDefault } from "./default-decay.ts";
import type { LeafTraits } from "./leaf-traits.ts";
import type { OptimizerConfig, UpdateInput } from "./optimizer.ts";
import { orthogonalByDefault } from "./muon.ts";
import { resolveByPath, type PathRules } from "./path-rules.ts";
import type { LeafUpdate } from "./update-rule.ts";

const defaultWeightDecay = { adamw: 0.2, sgd: 0, lion: 0, muon: 0.1 };

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
  const stranger = Object.keys(params).find((path) => !known.has(path));
  if (stranger !== undefined) {
    throw new ClipError("bad-argument", `The optimiser was not made for a leaf "${stranger}".`, {
      data: { path: stranger },
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
