import type { Value } from "@clip-ts/jit";
import type { TensorflowGraph, TensorflowNode } from "./graph-builder.ts";

/** One parameter's AdamW step, found in a graph. */
export interface AdamwUpdate {
  readonly param: Value;
  readonly first: Value;
  readonly second: Value;
  readonly gradient: Value;
  /** The gradient before it was multiplied by one number to be no longer than allowed, and that number. */
  readonly clipped?: { readonly gradient: Value; readonly factor: Value };
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  /** Learning rate after the correction of the mean. */
  readonly stepSize: Value;
  /** Root of the correction of the mean square. */
  readonly secondRoot: Value;
  /** What the parameter is multiplied by first: 1 - rate · decay. */
  readonly decay?: Value;
  /** The parameter after the step. */
  readonly moved: Value;
  /** Mean and mean square of the gradient after the step. */
  readonly moments: readonly [mean: Value, meanSquare: Value];
}

/** Looks through a graph backwards, from a value to what made it. */
interface Reader {
  /** The operands, if the value was made by this operation. */
  operands(value: Value | undefined, op: string): readonly Value[] | undefined;
  /** The number, if the value is one number, however often repeated. */
  number(value: Value | undefined): number | undefined;
}

function readerOf(graph: TensorflowGraph): Reader {
  const producers = new Map<number, TensorflowNode>();
  for (const node of graph.nodes) {
    for (const { id } of node.outputs) producers.set(id, node);
  }
  return {
    operands(value, op) {
      const node = value === undefined ? undefined : producers.get(value.id);
      return node?.op === op ? node.inputs : undefined;
    },
    number(value) {
      const node = value === undefined ? undefined : producers.get(value.id);
      return node?.op === "Fill" ? (node.attributes["value"] as number) : undefined;
    },
  };
}

/** `old` · beta + `fresh` · (1 - beta). */
function matchAverage(
  reader: Reader,
  value: Value | undefined,
): { old: Value; beta: number; fresh: Value } | undefined {
  const [kept, added] = reader.operands(value, "Add") ?? [];
  const [old, keptShare] = reader.operands(kept, "Multiply") ?? [];
  const [fresh, addedShare] = reader.operands(added, "Multiply") ?? [];
  const [beta, rest] = [reader.number(keptShare), reader.number(addedShare)];
  if (old === undefined || fresh === undefined || beta === undefined || rest === undefined) {
    return undefined;
  }
  return Math.abs(beta + rest - 1) < 1e-6 ? { old, beta, fresh } : undefined;
}

/** mean / (√meanSquare / secondRoot + eps). */
function matchDirection(
  reader: Reader,
  value: Value | undefined,
): { mean: Value; meanSquare: Value; secondRoot: Value; eps: number } | undefined {
  const [mean, denominator] = reader.operands(value, "RealDiv") ?? [];
  const [root, added] = reader.operands(denominator, "Add") ?? [];
  const [plainRoot, secondRoot] = reader.operands(root, "RealDiv") ?? [];
  const [meanSquare] = reader.operands(plainRoot, "Sqrt") ?? [];
  const eps = reader.number(added);
  if (mean === undefined || meanSquare === undefined) return undefined;
  return secondRoot === undefined || eps === undefined ? undefined : { mean, meanSquare, secondRoot, eps };
}

/** The value that is squared, whichever way it is written. */
function matchSquare(reader: Reader, value: Value): Value | undefined {
  const [only] = reader.operands(value, "Square") ?? [];
  if (only !== undefined) return only;
  const [left, right] = reader.operands(value, "Multiply") ?? [];
  return left?.id === right?.id ? left : undefined;
}

/** `gradient` · factor, or the gradient as it is. */
function matchClipping(reader: Reader, value: Value): Pick<AdamwUpdate, "clipped"> {
  const [gradient, factor] = reader.operands(value, "Multiply") ?? [];
  return gradient !== undefined && factor?.shape.length === 0 ? { clipped: { gradient, factor } } : {};
}

/** Averages and direction, if they are of one and the same gradient. */
function matchMoments(
  reader: Reader,
  direction: Value | undefined,
): Omit<AdamwUpdate, "param" | "stepSize" | "decay" | "moved"> | undefined {
  const parts = matchDirection(reader, direction);
  const mean = matchAverage(reader, parts?.mean);
  const square = matchAverage(reader, parts?.meanSquare);
  if (parts === undefined || mean === undefined || square === undefined) return undefined;
  if (matchSquare(reader, square.fresh)?.id !== mean.fresh.id) return undefined;
  return {
    first: mean.old,
    second: square.old,
    gradient: mean.fresh,
    ...matchClipping(reader, mean.fresh),
    beta1: mean.beta,
    beta2: square.beta,
    eps: parts.eps,
    secondRoot: parts.secondRoot,
    moments: [parts.mean, parts.meanSquare],
  };
}

/** `param` · factor, or the parameter as it is. */
function matchDecay(reader: Reader, decayed: Value): Pick<AdamwUpdate, "param" | "decay"> {
  const [param, decay] = reader.operands(decayed, "Multiply") ?? [];
  return param === undefined || decay === undefined ? { param: decayed } : { param, decay };
}

/** The AdamW step (Loshchilov and Hutter 2019, algorithm 2) whose new parameter is `moved`. */
function matchMove(reader: Reader, moved: Value): AdamwUpdate | undefined {
  const [decayed, change] = reader.operands(moved, "Sub") ?? [];
  const [direction, stepSize] = reader.operands(change, "Multiply") ?? [];
  const found = matchMoments(reader, direction);
  if (decayed === undefined || stepSize?.shape.length !== 0) return undefined;
  if (found?.secondRoot.shape.length !== 0) return undefined;
  return { ...found, ...matchDecay(reader, decayed), stepSize, moved };
}

/**
 * The parameters that a graph updates by AdamW and by nothing else, so that one fused operation can
 * take the place of a dozen. `updates` names, for each input that is state, the output that replaces it.
 */
function matchAdamw(graph: TensorflowGraph, updates: Readonly<Record<string, string>>): readonly AdamwUpdate[] {
  const reader = readerOf(graph);
  const inputs = new Map(graph.inputs.map(({ name, value }) => [value.id, name]));
  const outputs = new Map(graph.outputs.map(({ name, value }) => [name, value.id]));
  const replaces = (next: Value, old: Value): boolean => {
    const output = updates[inputs.get(old.id) ?? ""];
    return output !== undefined && outputs.get(output) === next.id;
  };
  return graph.outputs.flatMap(({ value }) => {
    const update = matchMove(reader, value);
    if (update === undefined) return [];
    const [mean, meanSquare] = update.moments;
    const isWhole =
      replaces(update.moved, update.param) && replaces(mean, update.first) && replaces(meanSquare, update.second);
    return isWhole ? [update] : [];
  });
}

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

function operandsOf(update: AdamwUpdate, clips: boolean): readonly (readonly [AdamwOperand, Value])[] {
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
