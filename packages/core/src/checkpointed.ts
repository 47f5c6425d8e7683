import { engine, getBackend, getKernel, zerosLike, type Tensor } from "@tensorflow/tfjs-core";
import { namingMissingGradients, withGradientAux, type ValueAndAux } from "./gradient.ts";
import { flattenTree, unflattenLike } from "./tree.ts";

/**
 * x itself, but in a traced graph as a value of its own that exists no earlier than `after`: what is
 * computed from it is not taken for the same computation from x, nor done before its time.
 * x [...] → same; it has no gradient.
 */
export function barrier(x: Tensor, after: Tensor): Tensor {
  if (getKernel("Barrier", getBackend()) == null) return x; // engines run in the order written
  return engine().runKernel("Barrier", { x, after });
}

/** A part of a model whose inner values the backward pass computes again. */
export interface Checkpointed<Params extends object, Fixed extends object, Aux extends object> {
  readonly params: Params;
  /** The activations that come in: all that is kept. */
  readonly x: Tensor;
  /** Other tensors that `run` needs, such as masks; they get no gradient. */
  readonly fixed?: Fixed;
  /** Must compute the same when called again. Tensors must reach it through its arguments. */
  readonly run: (params: Params, x: Tensor, fixed: Fixed) => ValueAndAux<Aux>;
}

/** Gradients of y with respect to xs, on a tape of their own while another one is being played back. */
function gradientsWithin(y: () => Tensor, xs: Tensor[], dy: Tensor): Tensor[] {
  const { state } = engine();
  const outer = state.activeTape;
  try {
    const { grads } = namingMissingGradients(() => engine().gradients(y, xs, dy, true));
    return grads.map((gradient, index) => gradient ?? zerosLike(xs[index] as Tensor));
  } finally {
    state.activeTape = outer;
  }
}

/**
 * Gradient checkpointing (Chen et al. 2016, arXiv:1604.06174): runs a part of a model, keeps only what
 * went in, and runs it once more when its gradient is wanted. Values and gradients are the same; memory
 * shrinks to one part's activations, time grows by one forward pass.
 */
export function checkpointed<Params extends object, Aux extends object, Fixed extends object = object>({
  params,
  x,
  fixed = {} as Fixed,
  run,
}: Checkpointed<Params, Fixed, Aux>): ValueAndAux<Aux> {
  const paths = Object.keys(flattenTree<Tensor>(params));
  const leaves = Object.values(flattenTree<Tensor>(params));
  const others = flattenTree<Tensor>(fixed);
  const restore = <Tree extends object>(tree: Tree, names: string[], values: Tensor[]): Tree =>
    unflattenLike(tree, Object.fromEntries(names.map((name, index) => [name, values[index]]))) as never;
  return withGradientAux({
    inputs: [x, ...leaves],
    forward(save) {
      save(x, ...leaves, ...Object.values(others));
      return run(params, x, fixed);
    },
    backward(dy, [savedX, ...saved]) {
      const again = barrier(savedX as Tensor, dy);
      const savedLeaves = saved.slice(0, leaves.length);
      const savedParams = restore(params, paths, savedLeaves);
      const savedFixed = restore(fixed, Object.keys(others), saved.slice(leaves.length));
      const value = (): Tensor => run(savedParams, again, savedFixed).value;
      return gradientsWithin(value, [again, ...savedLeaves], dy);
    },
  });
}
