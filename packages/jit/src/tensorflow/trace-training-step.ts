import {
  add,
  addN,
  div,
  minimum,
  mul,
  sqrt,
  square,
  sum,
  type Scalar,
  type Tensor,
} from "@tensorflow/tfjs-core";
import type { Graph } from "../ir/graph.ts";
import { dtypeOf, type HostArrays } from "../program/host-array.ts";
import type { TrainingSpec } from "../program/training-spec.ts";
import { trace, type InputSpec, type NamedTensors } from "../trace/trace.ts";

const entriesOf = <Value>(entries: readonly (readonly [string, Value])[]): Record<string, Value> =>
  Object.fromEntries(entries);

/** Shapes and types of arrays, under names with a prefix. */
function specsOf(arrays: HostArrays, prefix: string): Record<string, InputSpec> {
  return entriesOf(
    Object.entries(arrays).map(([name, array]) => [
      `${prefix}:${name}`,
      { shape: array.shape, dtype: dtypeOf(array) },
    ]),
  );
}

/** The name of each tensor that a leaf's update replaces: the parameter's, then its slots'. */
export const stateNames = ({ slots }: TrainingSpec, path: string): readonly string[] => [
  `param:${path}`,
  ...slots.map((slot) => `slot:${slot}:${path}`),
];

/**
 * Gradient, clipping and update as one graph. Inputs `param:*`, `slot:*:*`, `batch:*` and `scalar:*`;
 * outputs `loss`, `gradNorm`, the metrics, and `next:` before the name of what it replaces.
 */
export function traceTrainingStep(
  spec: TrainingSpec,
  batch: HostArrays,
  scalarNames: readonly string[],
): Graph {
  const paths = Object.keys(spec.leaves);
  const run = (given: NamedTensors): NamedTensors => {
    const pick = (prefix: string, names: readonly string[]): NamedTensors =>
      entriesOf(names.map((name) => [name, given[`${prefix}:${name}`] as Tensor]));
    const params = pick("param", Object.keys(spec.params));
    const {
      loss,
      metrics,
      grads,
      statistics = {},
    } = spec.gradient(params, pick("batch", Object.keys(batch)));
    const norm = sqrt(addN(paths.map((path) => sum(square(grads[path] as Tensor)))));
    const { maxNorm = Number.POSITIVE_INFINITY } = spec;
    const clip = Number.isFinite(maxNorm) ? minimum(1, div(maxNorm, add(norm, 1e-6))) : undefined;
    const scalars = pick("scalar", scalarNames) as Readonly<Record<string, Scalar>>;
    const next = paths.flatMap((path): (readonly [string, Tensor])[] => {
      const [param, ...slots] = stateNames(spec, path).map((name) => given[name] as Tensor);
      const grad = grads[path] as Tensor;
      const moved = spec.update({
        param: param as Tensor,
        grad: clip === undefined ? grad : mul(grad, clip),
        slots,
        scalars,
        settings: spec.leaves[path] ?? {},
      });
      return stateNames(spec, path).map((name, at) => [`next:${name}`, moved[at] as Tensor]);
    });
    const replaced = Object.entries(statistics).map(
      ([path, value]) => [`next:param:${path}`, value] as const,
    );
    return { ...metrics, loss, gradNorm: norm, ...entriesOf([...next, ...replaced]) };
  };
  const slots = paths.flatMap((path): (readonly [string, InputSpec])[] =>
    stateNames(spec, path)
      .slice(1)
      .map((name) => [name, { shape: spec.params[path]?.shape ?? [] }]),
  );
  return trace(run, {
    ...specsOf(spec.params, "param"),
    ...entriesOf(slots),
    ...specsOf(batch, "batch"),
    ...entriesOf(scalarNames.map((name) => [`scalar:${name}`, { shape: [] }])),
  });
}
