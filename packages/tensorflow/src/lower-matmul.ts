import type { Value } from "@clip-ts/jit";
import type { GraphBuilder } from "./graph-builder.ts";
import type { Lowering } from "./lowering.ts";
import { attribute, type Attribute } from "./messages.ts";
import { rounded, widened } from "./rounding.ts";
import type { TensorflowNode } from "./graph.ts";

/**
 * Whether rounding would be felt in the logits of a contrastive loss, where small differences of unit
 * vectors are multiplied by a large scale: products that compare rows of activations with each other,
 * and those with parameters that the caller names.
 */
function staysExact({ inputs, attributes }: TensorflowNode, builder: GraphBuilder): boolean {
  const names = inputs.map(({ id }) => builder.inputNames.get(id));
  if (names.some((name) => name !== undefined && builder.staysExact(name))) return true;
  const { transposeA, transposeB } = attributes;
  const isMatrices = inputs.every(({ shape }) => shape.length === 2);
  const isRowByRow = transposeA !== true && transposeB === true;
  return isMatrices && isRowByRow && names.every((name) => name === undefined);
}

/** Products of so few rows, or over so short a length, take the time in which their operands are read. */
const fewRows = 16;

/** Whether rounding would gain nothing, as with the one token of a text or an image that is pooled. */
function isSmall({ inputs }: TensorflowNode): boolean {
  const shape = (inputs[0] as Value).shape.slice(-2);
  // Heads of attention, stacks in stacks, are many and small.
  return (inputs[0] as Value).shape.length <= 3 && shape.some((side) => side <= fewRows);
}

/** Whether a product is computed from operands rounded to bfloat16. */
export const roundsOperands = (node: TensorflowNode, builder: GraphBuilder): boolean =>
  builder.precision === "bf16" && !isSmall(node) && !staysExact(node, builder);

/** From so many rows on, a product is worth transposing an operand of. */
const manyRows = 128;

/**
 * The right operand, whose columns a product walks along in 32 bits, laid out along them: oneDNN multiplies
 * by that up to 1.4 times as fast, most where columns are long. What is kept so is taken; what is not is
 * transposed if it is read often enough.
 */
function transposed(
  { inputs, attributes }: TensorflowNode,
  name: string,
  builder: GraphBuilder,
): string | undefined {
  const { transposeA, transposeB } = attributes;
  if (!builder.hasOwnOperations || transposeA === true || transposeB !== true) return undefined;
  const readKept = builder.keptForProducts.get(name);
  if (readKept !== undefined) return readKept("transposed");
  const [[rows, length], [columns]] = inputs.map(({ shape }) => shape) as [
    [number, number],
    [number, number],
  ];
  const isWorthIt = rows >= manyRows && length >= 2 * columns;
  if (!isWorthIt || builder.isOpen(length) || builder.isOpen(columns)) return undefined;
  return builder.emitOnce("turned", "ClipTsTransposed", [name]);
}

/** A product and how it is written. */
interface Product {
  readonly node: TensorflowNode;
  /** As they come, in either type. */
  readonly inputs: readonly string[];
  readonly builder: GraphBuilder;
  /** Which type it reads and gives. */
  readonly type: "float32" | "bfloat16";
}

/** The operands in the product's type. */
const typedInputs = ({ inputs, builder, type }: Product): string[] =>
  inputs.map((name) => (type === "float32" ? widened : rounded)(builder, name));

/** Two matrices by clip-ts's own product; a right one that is kept is packed once. */
function ownProduct(product: Product, types: Record<string, Attribute>): string {
  const { node, inputs, builder, type } = product;
  const isTurned = node.attributes["transposeB"] === true;
  const pack = isTurned ? builder.keptForProducts.get(inputs[1] as string) : undefined;
  if (pack === undefined) return builder.emit("ClipTsMatMul", typedInputs(product), types);
  const packed = pack(type === "float32" ? "packed" : "packedRounded");
  const [left] = typedInputs({ ...product, inputs: inputs.slice(0, 1) }) as [string];
  const columns = attribute.integer((node.outputs[0] as Value).shape[1] as number);
  return builder.emit("ClipTsMatMul", [left, packed], { ...types, packed_columns: columns });
}

/** Two matrices by TensorFlow's product, which is fused with a bias. */
function matrixProduct(product: Product, types: Record<string, Attribute>): string {
  const { node, builder, type } = product;
  const [left, right] = typedInputs(product) as [string, string];
  const turned = type === "float32" ? transposed(node, right, builder) : undefined;
  if (turned === undefined) return builder.emit("MatMul", [left, right], types);
  return builder.emit("MatMul", [left, turned], { ...types, transpose_b: attribute.flag(false) });
}

/** Matrices go to clip-ts's own product, if it runs here, or to `MatMul`; stacks to `BatchMatMulV2`. */
export const matMul: Lowering = ({ node, inputs, builder }) => {
  const type = roundsOperands(node, builder) ? "bfloat16" : "float32";
  const product: Product = { node, inputs, builder, type };
  const { transposeA, transposeB } = node.attributes;
  const [a, b] = [attribute.flag(transposeA === true), attribute.flag(transposeB === true)];
  const T = attribute.type(type);
  const types = { T, transpose_a: a, transpose_b: b };
  const isStack = node.inputs.some(({ shape }) => shape.length !== 2);
  const write = builder.hasOwnProducts ? ownProduct : matrixProduct;
  const result = isStack
    ? builder.emit("BatchMatMulV2", typedInputs(product), { T, adj_x: a, adj_y: b })
    : write(product, types);
  if (type === "bfloat16") builder.rounded.add(result);
  return result;
};
