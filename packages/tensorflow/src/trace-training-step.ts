import {
  add,
  addN,
  clone,
  div,
  minimum,
  mul,
  sqrt,
  square,
  sum,
  type Scalar,
  type Tensor,
} from "@tensorflow/tfjs-core";
import {
  type Graph,
  type HostArray,
  type HostArrays,
  type InputSpec,
  type NamedTensors,
  trace,
  type TrainingSpec,
} from "@clip-ts/jit";
import { prefixed, specsOf, under } from "@clip-ts/jit/backend";

const entriesOf = <Value>(entries: readonly (readonly [string, Value])[]): Record<string, Value> =>
  Object.fromEntries(entries);

/** The name of each tensor that a leaf's update replaces: the parameter's, then its slots'. */
export const stateNames = ({ slots }: TrainingSpec, path: string): readonly string[] => [
  `param:${path}`,
  ...slots.map((slot) => `slot:${slot}:${path}`),
];

/** State of the leaves that are trained beside themselves: their slots, as inputs. */
const slotSpecs = (spec: TrainingSpec): Record<string, InputSpec> =>
  entriesOf(
    Object.keys(spec.leaves).flatMap((path) =>
      stateNames(spec, path)
        .slice(1)
        .map((name) => [name, { shape: spec.params[path]?.shape ?? [] }]),
    ),
  );

const scalarSpecs = (names: readonly string[]): Record<string, InputSpec> =>
  entriesOf(names.map((name) => [`scalar:${name}`, { shape: [] }]));

/** Clipping and update: `gradNorm`, and `next:` before the name of what is replaced. */
function moveLeaves(spec: TrainingSpec, given: NamedTensors, grads: NamedTensors): NamedTensors {
  const paths = Object.keys(spec.leaves);
  const norm = sqrt(addN(paths.map((path) => sum(square(grads[path] as Tensor)))));
  const { maxNorm = Number.POSITIVE_INFINITY } = spec;
  const clip = Number.isFinite(maxNorm) ? minimum(1, div(maxNorm, add(norm, 1e-6))) : undefined;
  const scalars = under("scalar", given) as Readonly<Record<string, Scalar>>;
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
  return { gradNorm: norm, ...entriesOf(next) };
}

/**
 * Gradient, clipping and update as one graph. Inputs `param:*`, `slot:*:*`, `batch:*` and `scalar:*`;
 * outputs `loss`, `gradNorm`, the metrics, and `next:` before the name of what it replaces.
 */
export function traceTrainingStep(
  spec: TrainingSpec,
  batch: HostArrays,
  scalarNames: readonly string[],
): Graph {
  const run = (given: NamedTensors): NamedTensors => {
    const outcome = spec.gradient(under("param", given), under("batch", given));
    const { loss, metrics, grads, statistics = {} } = outcome;
    const replaced = prefixed("next:param", statistics);
    return { ...metrics, loss, ...moveLeaves(spec, given, grads), ...replaced };
  };
  return trace(run, {
    ...prefixed("param", specsOf(spec.params)),
    ...slotSpecs(spec),
    ...prefixed("batch", specsOf(batch)),
    ...scalarSpecs(scalarNames),
  });
}

/**
 * Clipping and update alone, with gradients summed in the state: inputs `param:*`, `slot:*:*`, `sum:*`,
 * `scalar:*`, `loss` and `statistic:*`; outputs as `traceTrainingStep`, without metrics.
 */
export function traceUpdate(
  spec: TrainingSpec,
  statistics: HostArrays,
  scalarNames: readonly string[],
): Graph {
  const leaves = entriesOf(
    Object.keys(spec.leaves).map((path) => [path, spec.params[path] as HostArray]),
  );
  const run = ({ loss, ...given }: NamedTensors): NamedTensors => ({
    loss: clone(loss as Tensor),
    ...moveLeaves(spec, given, under("sum", given)),
    ...prefixed("next:param", under("statistic", given)),
  });
  return trace(run, {
    ...prefixed("param", specsOf(leaves)),
    ...slotSpecs(spec),
    ...prefixed("sum", specsOf(leaves)),
    ...prefixed("statistic", specsOf(statistics)),
    ...scalarSpecs(scalarNames),
    loss: { shape: [] },
  });
}
