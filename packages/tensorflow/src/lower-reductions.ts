import type { Value } from "@clip-ts/jit";
import { axesOf, resultOf, rewrite, type OpOf, type Rewriter } from "@clip-ts/jit/backend";
import { operationNames } from "@clip-ts/native";
import type { TensorflowGraph, TensorflowNode, TensorflowOp } from "./graph-builder.ts";
import { elementwise, reduction, type Lowering, type LoweringInput } from "./lowering.ts";
import { attribute, type Attribute } from "./messages.ts";
import { asMade, rounded, widened, type Tensor } from "./variables.ts";

/** From so many rows on, a matmul is worth transposing an operand of. */
const manyRows = 128;

/** A matmul, its operands, and which type it reads and gives. */
type MatMul = Pick<LoweringInput, "node" | "operands" | "builder" | "type">;

/**
 * B of A·Bᵀ in 32 bits, transposed to [k, n]: oneDNN multiplies by that up to 1.4 times as fast, most where k is
 * long. What is kept so is taken; what is not is transposed if it is read often enough.
 */
function transposed({ node, operands, builder }: MatMul, name: string): string | undefined {
  const { transposeA, transposeB } = node.attributes;
  if (!builder.hasOwnOperations || transposeA === true || transposeB !== true) return undefined;
  const [, right] = operands as readonly [Tensor, Tensor];
  const readKept = right.kept?.forMatmul;
  if (readKept !== undefined) return readKept("transposed");
  const [[m, k], [n]] = node.inputs.map(({ shape }) => shape) as [[number, number], [number, number]];
  const isWorthIt = m >= manyRows && k >= 2 * n;
  if (!isWorthIt || builder.isOpen(k) || builder.isOpen(n)) return undefined;
  return builder.emitOnce("transposed", operationNames.transpose, [name]);
}

/** The operands in the type in which the matmul computes. */
const typedInputs = ({ operands, builder, type }: MatMul): string[] =>
  operands.map((tensor) => (type === "bfloat16" ? rounded : widened)(builder, tensor));

/** Two matrices by clip-ts's own GEMM; a B that is kept is prepacked. */
function ownGemm(matmul: MatMul, types: Record<string, Attribute>): string {
  const { node, operands, builder, type } = matmul;
  const isTransposed = node.attributes["transposeB"] === true;
  const prepack = isTransposed ? operands[1]?.kept?.forMatmul : undefined;
  if (prepack === undefined) return builder.emit(operationNames.matMul, typedInputs(matmul), types);
  const packed = prepack(type === "float32" ? "packed" : "packedRounded");
  const [left] = typedInputs({ ...matmul, operands: operands.slice(0, 1) }) as [string];
  const columns = attribute.integer((node.outputs[0] as Value).shape[1] as number);
  return builder.emit(operationNames.matMul, [left, packed], { ...types, packed_columns: columns });
}

/** Two matrices by TensorFlow's `MatMul`, which is fused with a bias. */
function tensorflowMatMul(matmul: MatMul, types: Record<string, Attribute>): string {
  const { builder, type } = matmul;
  const [left, right] = typedInputs(matmul) as [string, string];
  const straight = type === "float32" ? transposed(matmul, right) : undefined;
  if (straight === undefined) return builder.emit("MatMul", [left, right], types);
  return builder.emit("MatMul", [left, straight], { ...types, transpose_b: attribute.flag(false) });
}

/** Matrices go to clip-ts's own GEMM, if it runs here, or to `MatMul`; stacks to `BatchMatMulV2`. */
const matMul: Lowering = (matmul) => {
  const { node, builder, type } = matmul;
  const { transposeA, transposeB } = node.attributes;
  const [a, b] = [attribute.flag(transposeA === true), attribute.flag(transposeB === true)];
  const T = attribute.type(type);
  const isStack = node.inputs.some(({ shape }) => shape.length !== 2);
  if (isStack) return builder.emit("BatchMatMulV2", typedInputs(matmul), { T, adj_x: a, adj_y: b });
  const write = builder.hasOwnGemm ? ownGemm : tensorflowMatMul;
  return write(matmul, { T, transpose_a: a, transpose_b: b });
};

/** The operand, if a value is its elementwise square. */
function squared(value: Value, graph: Rewriter<TensorflowOp>): Value | undefined {
  const producer = graph.producer(value);
  return producer?.op === "Square" ? producer.inputs[0] : undefined;
}

function sumOfSquaresAt(node: TensorflowNode, graph: Rewriter<TensorflowOp>): readonly Value[] | undefined {
  const result = resultOf(node);
  if (node.op !== "Sum" || result.shape.length > 0) return undefined;
  const x = squared(node.inputs[0] as Value, graph);
  if (x?.dtype !== "float32") return undefined;
  return [graph.emit("SumOfSquares", [x], {}, result)];
}

/**
 * Writes sums of all squares as one operation, `SumOfSquares`, which TensorFlow has (L2Loss) and tfjs has
 * not: it reads the elements once and writes no squares. These stay behind, unused.
 */
export function fuseSumsOfSquares(graph: TensorflowGraph): TensorflowGraph {
  return rewrite(graph, sumOfSquaresAt);
}

const argMax: Lowering = ({ node, inputs, builder, x }) => {
  const [axis] = axesOf(node.attributes["axis"], x.shape.length);
  return builder.emit("ArgMax", [...inputs, builder.scalar(axis as number, "int32")], {
    T: attribute.type(x.dtype),
    Tidx: attribute.type("int32"),
    output_type: attribute.type("int32"),
  });
};

/** TensorFlow has half of it. The native part's own takes bfloat16 too, and is as exact as for 32 bits. */
export const sumOfSquares: Lowering = ({ inputs, operands, builder, x }) => {
  if (builder.hasOwnOperations) {
    const { name, type } = asMade(operands[0] as Tensor);
    return builder.emit(operationNames.sumOfSquares, [name], { T: attribute.type(type) });
  }
  const T = attribute.type(x.dtype);
  const half = builder.emit("L2Loss", inputs, { T });
  return builder.emit("Mul", [half, builder.scalar(2, x.dtype)], { T });
};

/** Operations that add up, compare or combine along axes. */
export const reductions: Readonly<Record<OpOf<"axes">, Lowering>> = {
  ArgMax: argMax,
  BatchMatMul: matMul,
  Max: reduction("Max"),
  Mean: reduction("Mean"),
  Min: reduction("Min"),
  Softmax: elementwise("Softmax"),
  Sum: reduction("Sum"),
};
