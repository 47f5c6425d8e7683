import { addN, mul, sqrt, square, sum, type Scalar, type Tensor } from "@tensorflow/tfjs-core";
import type { NamedTensors } from "../trace/trace.ts";
import type { LeafSettings } from "./leaf-layout.ts";
import type { LeafRule, ScalarValue } from "./step-functions.ts";

/** Length of the gradients of all leaves that learn, taken as one vector. The caller owns the scalar. */
export function gradientLength({ leaves }: Pick<LeafRule, "leaves">, grads: NamedTensors): Scalar {
  const squares = Object.keys(leaves).map((path) => sum<Scalar>(square(grads[path] as Tensor)));
  return sqrt(addN(squares));
}

/** A leaf, or a stretch of several that are alike, before a step. */
export interface LeafState {
  readonly param: Tensor;
  /** Before clipping. */
  readonly grad: Tensor;
  /** What is remembered of it, by slot. */
  readonly slot: (name: string) => Tensor;
  readonly settings: LeafSettings;
}

/** What is the same for all leaves in a step. */
export interface StepScalars {
  readonly scalars: Readonly<Record<string, ScalarValue>>;
  /** The factor on gradients; none by default. */
  readonly clip?: ScalarValue | undefined;
}

/** Clips and moves a leaf by its rule: the new parameter, then the new slots in the rule's order. */
export function moveLeaf(
  { slots, move }: Pick<LeafRule, "slots" | "move">,
  { param, grad, slot, settings }: LeafState,
  { scalars, clip }: StepScalars,
): readonly Tensor[] {
  const clipped = clip === undefined ? grad : mul(grad, clip);
  return move({ param, grad: clipped, slots: slots.map(slot), scalars, settings });
}
