import { tidy, zeros, type Tensor } from "@tensorflow/tfjs-core";
import type { FlatTree } from "@clip-ts/core";
import { adamw } from "./adamw.ts";
import { keepWithin, type Bounds } from "./bounds.ts";
import { checkConfig } from "./check-config.ts";
import { gatherLeaves, settleLeaves } from "./leaf-updates.ts";
import type { LeafTraits } from "./leaf-traits.ts";
import { lion } from "./lion.ts";
import { muon } from "./muon.ts";
import type { Optimizer, OptimizerConfig } from "./optimizer.ts";
import { sgd } from "./sgd.ts";
import type { LeafUpdate, UpdateRule } from "./update-rule.ts";

function updateRule(config: OptimizerConfig): UpdateRule {
  switch (config.kind) {
    case "adamw":
      return adamw(config);
    case "sgd":
      return sgd(config);
    case "lion":
      return lion(config);
    case "muon":
      return muon(config);
  }
}

/**
 * An optimiser for these parameters: specs, whose roles say which decay and which are matrices to Muon,
 * or tensors, of which all that have two axes decay; nothing of them is kept. Parameters with `bounds`, by
 * path, are kept within them after each step; a bound of a path that is not among them means nothing.
 * @throws ClipError "bad-config" for a pattern that matches no path, "bad-argument" for Muon on tensors.
 */
export function createOptimizer(
  config: OptimizerConfig,
  params: FlatTree<LeafTraits>,
  bounds: Readonly<Record<string, Bounds>> = {},
): Optimizer {
  checkConfig(config);
  const rule = updateRule(config);
  const settings = settleLeaves(config, params, bounds);
  const move = (leaf: LeafUpdate): Tensor[] => {
    const [moved, ...remembered] = rule.apply(leaf) as [Tensor, ...Tensor[]];
    const { min, max } = leaf;
    if (min === undefined || max === undefined) return [moved, ...remembered];
    return [keepWithin(moved, leaf.param, { min, max }), ...remembered];
  };
  const perSlot = <Value>(make: () => Value): Record<string, Value> =>
    Object.fromEntries(rule.slots.map((slot) => [slot, make()]));
  return {
    slots: rule.slots,
    leaves: Object.fromEntries(
      settings.map(({ path, weightDecay, multiplier }) => [
        path,
        { weightDecay, multiplier, ...bounds[path] },
      ]),
    ),
    matrices: new Set(settings.filter(({ isMatrix }) => isMatrix).map(({ path }) => path)),
    updateLeaf: move,
    init: () =>
      perSlot(() => Object.fromEntries(settings.map(({ path, shape }) => [path, zeros(shape)]))),
    scalars: rule.scalars,
    update(input) {
      const params: Record<string, Tensor> = {};
      const slots = perSlot((): Record<string, Tensor> => ({}));
      for (const leaf of gatherLeaves(input, settings, rule.slots)) {
        const [param, ...remembered] = tidy(() => move(leaf));
        for (const old of [leaf.param, ...leaf.slots]) old.dispose();
        params[leaf.path] = param as Tensor;
        for (const [index, slot] of rule.slots.entries()) {
          (slots[slot] as Record<string, Tensor>)[leaf.path] = remembered[index] as Tensor;
        }
      }
      return { params, slots };
    },
  };
}
