import type { Value } from "@clip-ts/jit";
import type { Precision, TensorflowGraph, TensorflowNode } from "./graph-builder.ts";
import { producersOf, type Producers } from "./rows/group-rows.ts";
import type { RowKernel } from "./rows/row-kernel.ts";

/** In which types a value of 32 bits is made or read: in those, in bfloat16, or in both. */
export interface Dtypes {
  readonly float32: boolean;
  readonly bfloat16: boolean;
}

/** In which types values are made, by id; those that are missing, in their own. */
export type TypeAnnotations = ReadonlyMap<number, Dtypes>;

/** What decides about types besides the graph itself. */
export interface PrecisionOptions {
  readonly precision: Precision;
  /** Whether matmuls with the input of this name are not rounded. */
  readonly staysExact: (input: string) => boolean;
  /** Values that are read besides the graph's own operations, in 32 bits. */
  readonly outside: readonly Value[];
}

/** In 32 bits only. */
export const wide: Dtypes = { float32: true, bfloat16: false };
const narrow: Dtypes = { float32: false, bfloat16: true };
const unread: Dtypes = { float32: false, bfloat16: false };

const union = (left: Dtypes, right: Dtypes): Dtypes => ({
  float32: left.float32 || right.float32,
  bfloat16: left.bfloat16 || right.bfloat16,
});

/** Operations that only move numbers: rounding before them and behind them is the same. */
const moving: ReadonlySet<string> = new Set(["ExpandDims", "Reshape", "Slice", "SplitV", "Transpose"]);

/** Whether an operation only moves numbers, so that it moves them in either type. */
export const isMoving = ({ op }: TensorflowNode): boolean => moving.has(op);

/** Whether an operation multiplies by a number that is a power of two, which only moves the exponent. */
function isScaling({ op, inputs }: TensorflowNode, producers: Producers): boolean {
  const factor = op === "Multiply" ? producers.get((inputs[1] as Value).id) : undefined;
  if (factor?.op !== "Fill" || (inputs[1] as Value).shape.length > 0) return false;
  return Number.isInteger(Math.log2(Math.abs(factor.attributes["value"] as number)));
}

/** Matmuls of so few rows, or over so short a length, take the time in which their operands are read. */
const fewRows = 16;

/** Whether rounding would gain nothing, as with the one token of a text or an image that is pooled. */
function isSmall({ inputs }: TensorflowNode): boolean {
  const shape = (inputs[0] as Value).shape.slice(-2);
  // Heads of attention, stacks in stacks, are many and small.
  return (inputs[0] as Value).shape.length <= 3 && shape.some((side) => side <= fewRows);
}

/**
 * Whether rounding would be felt in the logits of a contrastive loss, where small differences of unit
 * vectors are multiplied by a large scale: matmuls that compare rows of activations with each other,
 * and those with parameters that the caller names.
 */
function isFelt(
  { inputs, attributes }: TensorflowNode,
  names: ReadonlyMap<number, string>,
  staysExact: PrecisionOptions["staysExact"],
): boolean {
  const given = inputs.map(({ id }) => names.get(id));
  if (given.some((name) => name !== undefined && staysExact(name))) return true;
  const isMatrices = inputs.every(({ shape }) => shape.length === 2);
  const isRowByRow = attributes["transposeA"] !== true && attributes["transposeB"] === true;
  return isMatrices && isRowByRow && given.every((name) => name === undefined);
}

/** The matmuls that are computed from operands rounded to bfloat16. */
function bf16Matmuls(
  { inputs, nodes }: TensorflowGraph,
  { staysExact }: PrecisionOptions,
): ReadonlySet<TensorflowNode> {
  const names = new Map(inputs.map(({ name, value }) => [value.id, name]));
  const rounds = (node: TensorflowNode): boolean =>
    node.op === "BatchMatMul" && !isSmall(node) && !isFelt(node, names, staysExact);
  return new Set(nodes.filter(rounds));
}

/** What was found out about a graph's operations. */
interface Found {
  readonly nodes: readonly TensorflowNode[];
  readonly matmuls: ReadonlySet<TensorflowNode>;
  /** Those that change no digit of their first operand. */
  readonly exact: ReadonlySet<TensorflowNode>;
}

/** In which types the values of a graph are read. */
function readDtypes({ nodes, matmuls, exact }: Found, outside: readonly Value[]): TypeAnnotations {
  const read = new Map<number, Dtypes>();
  const note = ({ id }: Value, dtypes: Dtypes): unknown => read.set(id, union(read.get(id) ?? unread, dtypes));
  for (const value of outside) note(value, wide);
  for (const node of nodes.toReversed()) {
    const own = node.outputs.reduce((all, { id }) => union(all, read.get(id) ?? unread), unread);
    node.inputs.forEach((value, at) => {
      const passesOn = at === 0 && exact.has(node);
      note(value, matmuls.has(node) ? narrow : passesOn ? own : wide);
    });
  }
  return read;
}

/** In which types a kernel over rows makes its results: as they are read, if they are whole matrices. */
function rowDtypes(node: TensorflowNode, read: TypeAnnotations): Dtypes[] {
  const { outputs } = node.attributes["kernel"] as RowKernel;
  return node.outputs.map(({ id }, at) => {
    const { float32, bfloat16 } = read.get(id) ?? unread;
    return outputs[at] === "whole" && bfloat16 ? { float32, bfloat16 } : wide;
  });
}

/**
 * Decides in which types a graph's values are made, before anything of it is written: the one place that does.
 * In bf16, matmuls are computed from rounded operands, and what they give stays as it is through what changes
 * no digit of it (moves, powers of two), until something needs 32 bits. Biases do: with rounded ones, twelve
 * steps of training were no longer within 0.02 of PyTorch's. Passes over rows make what is read.
 */
export function annotateTypes(graph: TensorflowGraph, options: PrecisionOptions): TypeAnnotations {
  const made = new Map<number, Dtypes>();
  if (options.precision === "f32") return made;
  const { nodes } = graph;
  const producers = producersOf(graph);
  const matmuls = bf16Matmuls(graph, options);
  const exact = new Set(nodes.filter((node) => isMoving(node) || isScaling(node, producers)));
  const read = readDtypes({ nodes, matmuls, exact }, options.outside);
  const dtypesOf = (node: TensorflowNode): Dtypes => {
    if (matmuls.has(node)) return narrow;
    const before = (exact.has(node) && made.get((node.inputs[0] as Value).id)) || wide;
    return before.float32 && !isMoving(node) ? wide : before;
  };
  for (const node of nodes) {
    const dtypes = node.op === "FusedRows" ? rowDtypes(node, read) : [];
    node.outputs.forEach(({ id }, at) => made.set(id, dtypes[at] ?? dtypesOf(node)));
  }
  return made;
}
