import { pickLeaves } from "@clip-ts/core";
import type { LeafRule, Preparation } from "@clip-ts/jit";
import {
  type AnyTraceable,
  gradientLength,
  gradientsOf,
  type LeafSpecs,
  moveLeaf,
  slotShapeOf,
  specsOf,
  type StepSource,
  traceable,
} from "@clip-ts/jit/backend";
import { clone, type Scalar, type Tensor } from "@tensorflow/tfjs-core";

/** The state of the leaves that learn, and the step's numbers. */
interface Moving {
  readonly param: Readonly<Record<string, Tensor>>;
  readonly slot: Readonly<Record<string, Readonly<Record<string, Tensor>>>>;
  readonly scalar: Readonly<Record<string, Tensor>>;
}

/** A record of what each path has. */
const byPath = <Value>(paths: readonly string[], of: (path: string) => Value): Record<string, Value> =>
  Object.fromEntries(paths.map((path) => [path, of(path)] as const));

/** Clipping and update of all leaves: the gradient's length, and what state becomes. */
function moveLeaves(rule: LeafRule, { param, slot, scalar }: Moving, grads: Readonly<Record<string, Tensor>>) {
  const paths = Object.keys(rule.leaves);
  const gradNorm = gradientLength(rule, grads);
  const clip = rule.clip?.(gradNorm);
  const scalars = scalar as Readonly<Record<string, Scalar>>;
  const moved = byPath(paths, (path) =>
    moveLeaf(
      rule,
      {
        param: param[path] as Tensor,
        grad: grads[path] as Tensor,
        slot: (name) => slot[name]?.[path] as Tensor,
        settings: rule.leaves[path] ?? {},
      },
      { scalars, clip },
    ),
  );
  const after = (at: number) => byPath(paths, (path) => moved[path]?.[at] as Tensor);
  const slots = byPath(rule.slots, (name) => after(1 + rule.slots.indexOf(name)));
  return { gradNorm, next: { param: after(0), slot: slots } };
}

/** Specs of what every slot remembers of the leaves that learn. */
export const slotSpecs = (update: LeafRule, learnt: LeafSpecs): Record<string, LeafSpecs> =>
  byPath(update.slots, (slot) =>
    byPath(Object.keys(learnt), (path) => ({
      shape: slotShapeOf(update, slot, [path, (learnt[path] as LeafSpecs[string]).shape]),
    })),
  );

/** Specs of what moves: slots of the leaves that learn, and numbers. */
function movingSpecs({ functions, params }: StepSource, scalars: readonly string[]) {
  const learnt = pickLeaves(params, Object.keys(functions.update.leaves));
  return {
    slot: slotSpecs(functions.update, learnt),
    scalar: byPath(scalars, (): LeafSpecs[string] => ({ shape: [] })),
  };
}

/** A step on whole batches: gradient, clipping and update as one graph. */
export function wholeTrace(source: StepSource, { batch, scalars }: Preparation): AnyTraceable {
  const { functions, params } = source;
  const { slot, scalar } = movingSpecs(source, scalars);
  const [pairs = {}] = batch.parts;
  const given = {
    param: params,
    slot,
    batch: specsOf(pairs),
    shared: specsOf(batch.shared),
    scalar,
  };
  const paths = Object.keys(functions.update.leaves);
  return traceable(given, (all) => {
    const outcome = functions.gradient(all.param, all.batch, all.shared);
    const { loss, metrics = {}, statistics = {} } = outcome;
    const grads = gradientsOf(paths, outcome.grads);
    const { gradNorm, next } = moveLeaves(functions.update, all, grads);
    const param = { ...next.param, ...statistics };
    return { loss, metric: metrics, gradNorm, next: { ...next, param } };
  });
}

/** Clipping and update alone, of gradients that lie in the state. */
export function updateTrace(source: StepSource, scalars: readonly string[], statistics: LeafSpecs): AnyTraceable {
  const { update } = source.functions;
  const learnt = pickLeaves(source.params, Object.keys(update.leaves));
  const given = {
    param: learnt,
    ...movingSpecs(source, scalars),
    grad: learnt,
    statistic: statistics,
    loss: { shape: [] },
  };
  return traceable(given, ({ loss, grad, statistic, ...all }) => {
    const { gradNorm, next } = moveLeaves(update, all, grad);
    const param = {
      ...next.param,
      ...byPath(Object.keys(statistic), (path) => statistic[path] as Tensor),
    };
    return { loss: clone(loss), gradNorm, next: { ...next, param } };
  });
}

/** Reads the statistics that a step begins with. */
export const statisticsTrace = (statistics: LeafSpecs): AnyTraceable =>
  traceable({ param: statistics }, ({ param }) => ({
    statistic: byPath(Object.keys(param), (path) => clone(param[path] as Tensor)),
  }));
