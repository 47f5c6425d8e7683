import type { Value } from "@clip-ts/jit";
import type { Lowering, LoweringInput } from "./lowering.ts";
import { attribute, type Attribute } from "./messages.ts";
import { rounded, widened, type Tensor } from "./tensors.ts";

/** From so many rows on, a product is worth transposing an operand of. */
const manyRows = 128;

/** A product, its operands, and which type it reads and gives. */
type Product = Pick<LoweringInput, "node" | "operands" | "builder" | "type">;

/**
 * The right operand, whose columns a product walks along in 32 bits, laid out along them: oneDNN multiplies
 * by that up to 1.4 times as fast, most where columns are long. What is kept so is taken; what is not is
 * transposed if it is read often enough.
 */
function transposed({ node, operands, builder }: Product, name: string): string | undefined {
  const { transposeA, transposeB } = node.attributes;
  if (!builder.hasOwnOperations || transposeA === true || transposeB !== true) return undefined;
  const [, right] = operands as readonly [Tensor, Tensor];
  const readKept = right.kept?.forProducts;
  if (readKept !== undefined) return readKept("transposed");
  const [[rows, length], [columns]] = node.inputs.map(({ shape }) => shape) as [
    [number, number],
    [number, number],
  ];
  const isWorthIt = rows >= manyRows && length >= 2 * columns;
  if (!isWorthIt || builder.isOpen(length) || builder.isOpen(columns)) return undefined;
  return builder.emitOnce("turned", "ClipTsTransposed", [name]);
}

/** The operands in the product's type. */
const typedInputs = ({ operands, builder, type }: Product): string[] =>
  operands.map((tensor) => (type === "bfloat16" ? rounded : widened)(builder, tensor));

/** Two matrices by clip-ts's own product; a right one that is kept is packed once. */
function ownProduct(product: Product, types: Record<string, Attribute>): string {
  const { node, operands, builder, type } = product;
  const isTurned = node.attributes["transposeB"] === true;
  const pack = isTurned ? operands[1]?.kept?.forProducts : undefined;
  if (pack === undefined) return builder.emit("ClipTsMatMul", typedInputs(product), types);
  const packed = pack(type === "float32" ? "packed" : "packedRounded");
  const [left] = typedInputs({ ...product, operands: operands.slice(0, 1) }) as [string];
  const columns = attribute.integer((node.outputs[0] as Value).shape[1] as number);
  return builder.emit("ClipTsMatMul", [left, packed], { ...types, packed_columns: columns });
}

/** Two matrices by TensorFlow's product, which is fused with a bias. */
function matrixProduct(product: Product, types: Record<string, Attribute>): string {
  const { builder, type } = product;
  const [left, right] = typedInputs(product) as [string, string];
  const turned = type === "float32" ? transposed(product, right) : undefined;
  if (turned === undefined) return builder.emit("MatMul", [left, right], types);
  return builder.emit("MatMul", [left, turned], { ...types, transpose_b: attribute.flag(false) });
}

/** Matrices go to clip-ts's own product, if it runs here, or to `MatMul`; stacks to `BatchMatMulV2`. */
export const matMul: Lowering = (product) => {
  const { node, builder, type } = product;
  const { transposeA, transposeB } = node.attributes;
  const [a, b] = [attribute.flag(transposeA === true), attribute.flag(transposeB === true)];
  const T = attribute.type(type);
  const isStack = node.inputs.some(({ shape }) => shape.length !== 2);
  if (isStack)
    return builder.emit("BatchMatMulV2", typedInputs(product), { T, adj_x: a, adj_y: b });
  const write = builder.hasOwnProducts ? ownProduct : matrixProduct;
  return write(product, { T, transpose_a: a, transpose_b: b });
};
