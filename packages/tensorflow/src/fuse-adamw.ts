import type { Value } from "@clip-ts/jit";
import type { TensorflowGraph, TensorflowNode } from "./graph.ts";
import { matchAdamw, type AdamwUpdate } from "./match-adamw.ts";

/** An operand of `AdamW`. The gradient comes before it was clipped where there is a `clip`, its factor. */
export type AdamwOperand = "param" | "gradient" | "stepSize" | "secondRoot" | "decay" | "clip";

/** The attributes of `AdamW`: what it does, and which tensors of the state it changes. */
export type AdamwAttributes = {
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  /** What its inputs are, in order. */
  readonly operands: readonly AdamwOperand[];
  /** Names in the state: the parameter, the mean and the mean square of its gradient. */
  readonly param: string;
  readonly first: string;
  readonly second: string;
};

function operandsOf(
  update: AdamwUpdate,
  clips: boolean,
): readonly (readonly [AdamwOperand, Value])[] {
  const clipped = clips ? update.clipped : undefined;
  const { param, stepSize, secondRoot, decay } = update;
  return [
    ["param", param],
    ["gradient", clipped?.gradient ?? update.gradient],
    ["stepSize", stepSize],
    ["secondRoot", secondRoot],
    ...(decay === undefined ? [] : [["decay", decay] as const]),
    ...(clipped === undefined ? [] : [["clip", clipped.factor] as const]),
  ];
}

/**
 * The AdamW updates of a graph as one operation each, `AdamW` { AdamwAttributes }, which gives the parameter and
 * the moments after the step. `updates` are the outputs that replace tensors of the state, by the names of both.
 * The native part's operation clips as well (`clips`).
 */
export function adamwNodes(
  graph: TensorflowGraph,
  updates: Readonly<Record<string, string>>,
  clips: boolean,
): TensorflowNode[] {
  const names = new Map(graph.inputs.map(({ name, value }) => [value.id, name]));
  const nameOf = ({ id }: Value): string => names.get(id) as string;
  return matchAdamw(graph, updates).map((update): TensorflowNode => {
    const operands = operandsOf(update, clips);
    const attributes: AdamwAttributes = {
      beta1: update.beta1,
      beta2: update.beta2,
      eps: update.eps,
      operands: operands.map(([name]) => name),
      param: nameOf(update.param),
      first: nameOf(update.first),
      second: nameOf(update.second),
    };
    return {
      op: "AdamW",
      inputs: operands.map(([, value]) => value),
      attributes,
      outputs: [update.moved, ...update.moments],
    };
  });
}
