import type { Tensor } from "@tensorflow/tfjs-core";
import { randomStream } from "@clip-ts/base";
import { toTensor, type HostArray, type HostArrays } from "./shape.ts";
import { flattenTree, mapTree, type TreeOf } from "./tree.ts";

/** How a parameter starts. `normal` and `uniform` are centred on 0; `uniform` spans ±bound. */
export type Initialiser =
  | { readonly kind: "normal"; readonly std: number }
  | { readonly kind: "uniform"; readonly bound: number }
  | { readonly kind: "constant"; readonly value: number };

/**
 * What a parameter is to the model, whatever a checkpoint calls it:
 *
 * - `matrix`: a linear map or a kernel between features;
 * - `embedding`: a table of vectors, or what makes vectors of pixels: tokens, positions, patches, queries;
 * - `head`: a map out of a tower into the joint space;
 * - `norm`: gain or shift of a normalisation;
 * - `bias`: added to what a map gives;
 * - `scale`: a factor on whole features or logits;
 * - `statistic`: set by training steps, never by gradients.
 */
export type ParamRole = "matrix" | "embedding" | "head" | "norm" | "bias" | "scale" | "statistic";

/** What is true of a parameter beyond shape and starting values. */
export interface ParamTraits {
  readonly role: ParamRole;
  /** The stack of layers that `depth` counts in, such as "image"; absent for what belongs to none. */
  readonly tower?: string;
  /** Layers between the input and this parameter: 0 for embeddings and stems, then block by block. */
  readonly depth?: number;
  /** The kind of layer that it is part of; absent for all others. */
  readonly layer?: "attention" | "mlp";
  /** "exact" if matmuls with it must not be rounded to bf16, whatever all others are. */
  readonly precision?: "exact";
}

/** A parameter before it exists: what it is, shape and starting values, no memory. */
export interface ParamSpec extends ParamTraits {
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
export function param(shape: readonly number[], init: Initialiser, role: ParamRole): ParamSpec {
  return { shape, init, role };
}

/** The same specs, each of which has these traits as well. */
export function withTraits<Tree extends object>(
  specs: Tree,
  traits: Partial<ParamTraits>,
): TreeOf<Tree, ParamSpec, ParamSpec> {
  return mapTree<Tree, ParamSpec, ParamSpec>(specs, (spec) => ({ ...spec, ...traits }));
}

/** The largest `depth` in a tree of specs; 0 where none has one. */
export function depthOf(specs: object): number {
  const depths = Object.values(flattenTree<ParamSpec>(specs)).map(({ depth = 0 }) => depth);
  return Math.max(0, ...depths);
}

/** Number of values in an array of this shape; 1 for a scalar. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}

function startingValues({ shape, init }: ParamSpec, seed: number, path: string): HostArray {
  const values = new Float32Array(sizeOf(shape));
  if (init.kind === "constant") return { data: values.fill(init.value), shape };
  const random = randomStream(seed, path);
  for (let index = 0; index < values.length; index++) {
    values[index] = init.kind === "normal" ? init.std * random.normal() : init.bound * (2 * random.uniform() - 1);
  }
  return { data: values, shape };
}

/**
 * Starting values for a spec tree by path, each leaf drawn from (seed, path): adding a layer changes no
 * other weight. No engine has to run.
 */
export function initHostParams(spec: object, seed: number): HostArrays {
  const leaves = Object.entries(flattenTree<ParamSpec>(spec));
  return Object.fromEntries(leaves.map(([path, leaf]) => [path, startingValues(leaf, seed, path)]));
}

/** The same values as a tree of tensors of the running engine. The caller owns them. */
export function initParams<Tree extends object>(spec: Tree, seed: number): TreeOf<Tree, ParamSpec, Tensor> {
  return mapTree<Tree, ParamSpec, Tensor>(spec, (leaf, path) => toTensor(startingValues(leaf, seed, path)));
}

/** Number of values in a whole tree of specs or tensors. */
export function countParams(tree: object): number {
  const leaves = Object.values(flattenTree<{ shape: readonly number[] }>(tree));
  return leaves.reduce((sum, leaf) => sum + sizeOf(leaf.shape), 0);
}
