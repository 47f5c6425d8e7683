import type { Op } from "./ops.ts";

/** Element types of traced values. */
export type Dtype = "float32" | "int32" | "bool";

/** A tensor that does not exist yet: what a node produces or a graph is given. */
export interface Value {
  /** Unique in its graph. */
  readonly id: number;
  readonly shape: readonly number[];
  readonly dtype: Dtype;
}

/** Numbers, words, truth values, and lists and records of them: no functions, no objects of classes. */
export type PlainData =
  | number
  | string
  | boolean
  | null
  | undefined
  | readonly PlainData[]
  | { readonly [name: string]: PlainData };

/** Plain data that completes an operation: axes, permutations, constants. */
export type Attributes = Readonly<Record<string, PlainData>>;

/** One operation, with the attributes of its tfjs kernel. A backend's graphs may have more operations than `Op`. */
export interface Node<Name extends string = Op> {
  readonly op: Name;
  readonly inputs: readonly Value[];
  readonly attributes: Attributes;
  readonly outputs: readonly Value[];
}

/** Values known when the graph was traced. */
export interface Constant {
  readonly value: Value;
  readonly data: Float32Array | Int32Array | Uint8Array;
  /** How its source calls it, such as a parameter's path. */
  readonly name?: string;
}

/** A size that is known only when the graph runs, such as the length of a batch. */
export interface SymbolicSize {
  readonly name: string;
  /** The prime that stands for it in shapes. A side is a multiple of it if and only if it depends on it. */
  readonly standIn: number;
}

/** A value with the name by which callers know it. */
export interface NamedValue {
  readonly name: string;
  readonly value: Value;
}

/** A pure function as data. Nodes stand in an order in which they can run. */
export interface Graph<Name extends string = Op> {
  readonly inputs: readonly NamedValue[];
  readonly constants: readonly Constant[];
  readonly nodes: readonly Node<Name>[];
  readonly outputs: readonly NamedValue[];
  /** Sizes left open; none by default. */
  readonly symbols?: readonly SymbolicSize[];
}
