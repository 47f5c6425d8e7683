import type { Attributes, Dtype } from "./graph.ts";

/** Shape and type of a value, before it has an id. */
export interface Described {
  readonly shape: readonly number[];
  readonly dtype: Dtype;
}

/** What an operation makes of its operands, which go by their names; missing optional ones are left out. */
export type ShapeRule = (
  inputs: Readonly<Record<string, Described>>,
  attributes: Attributes,
) => Described | readonly Described[];

/** What an operation does: something to every number, along axes, with windows over pictures, or moving numbers. */
export type Kind = "elementwise" | "axes" | "windows" | "layout";

/** What passes and backends may rely on. */
export interface Traits {
  /** Each element is made of the elements in its place of one operand, or of two that broadcast. */
  readonly isPointwise?: true;
  /** Has one operand, and all elements of the result are elements of that. */
  readonly rearranges?: true;
  /** The result is the operand's memory under another shape. */
  readonly isView?: true;
  /** Gives its only operand back where shape and type come out as they went in. */
  readonly returnsSameType?: true;
  /** Operands may be swapped. */
  readonly commutes?: true;
  /** The number that changes nothing as the right operand; but for 0 + x, which loses the sign of zero. */
  readonly neutral?: number;
  /** The attribute with the axes over which it reduces; an axis of length 1 gives back its only element. */
  readonly reducesOver?: string;
  /** Attributes that only repeat what the result's shape says, which is where backends read it. */
  readonly implied?: readonly string[];
  /** The attribute that is a list of sides. */
  readonly sides?: string;
}

/** All that is known of an operation but how to compute it. */
export interface Operation<Of extends Kind = Kind> {
  readonly kind: Of;
  /** The names that tfjs's kernel gives to its operands, in the order in which they are recorded; or any number. */
  readonly operands: readonly string[] | "list";
  readonly shape: ShapeRule;
  readonly traits: Traits;
}
