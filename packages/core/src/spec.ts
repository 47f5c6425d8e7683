import { tensor, type Tensor } from "@tensorflow/tfjs-core";
import { randomStream } from "@clip-ts/base";
import { flattenTree, mapTree, type TreeOf } from "./tree.ts";

/** How a parameter starts. `normal` and `uniform` are centred on 0; `uniform` spans ±bound. */
export type Initialiser =
  | { readonly kind: "normal"; readonly std: number }
  | { readonly kind: "uniform"; readonly bound: number }
  | { readonly kind: "constant"; readonly value: number };

/** A parameter before it exists: shape and starting values, no memory. */
export interface ParamSpec {
  readonly shape: readonly number[];
  readonly init: Initialiser;
}

export const zeros: Initialiser = { kind: "constant", value: 0 };
export const ones: Initialiser = { kind: "constant", value: 1 };

/** Normal with mean 0. */
export function normal(std: number): Initialiser {
  return { kind: "normal", std };
}

/** Uniform within ±bound. */
export function uniform(bound: number): Initialiser {
  return { kind: "uniform", bound };
}

/** One parameter. */
export function param(shape: readonly number[], init: Initialiser): ParamSpec {
  return { shape, init };
}

/** Number of values in an array of this shape; 1 for a scalar. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}

function startingValues(spec: ParamSpec, seed: number, path: string): Float32Array {
  const { init } = spec;
  const values = new Float32Array(sizeOf(spec.shape));
  if (init.kind === "constant") return values.fill(init.value);
  const random = randomStream(seed, path);
  for (let index = 0; index < values.length; index++) {
    values[index] =
      init.kind === "normal" ? init.std * random.normal() : init.bound * (2 * random.uniform() - 1);
  }
  return values;
}

/**
 * Tensors for a spec tree, each leaf drawn from (seed, path): adding a layer changes no other weight.
 * The caller owns the tensors.
 */
export function initParams<Tree extends object>(
  spec: Tree,
  seed: number,
): TreeOf<Tree, ParamSpec, Tensor> {
  return mapTree<Tree, ParamSpec, Tensor>(spec, (leaf, path) =>
    tensor(startingValues(leaf, seed, path), [...leaf.shape], "float32"),
  );
}

/** Number of values in a whole tree of specs or tensors. */
export function countParams(tree: object): number {
  const leaves = Object.values(flattenTree<{ shape: readonly number[] }>(tree));
  return leaves.reduce((sum, leaf) => sum + sizeOf(leaf.shape), 0);
}
