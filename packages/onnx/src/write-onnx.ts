import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { ClipError } from "@clip-ts/base";
import type { Graph, NamedValue, Node, SymbolicSize } from "@clip-ts/jit";
import { describeSide, isOpen, sourceOf, type SymbolSource } from "@clip-ts/jit/backend";
import {
  ModelProtoSchema,
  TensorProto_DataType,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProtoSchema,
} from "./generated/onnx_pb.ts";
import { elementwise, reductions } from "./lower-elementwise.ts";
import { structure } from "./lower-structure.ts";
import { windowed } from "./lower-windows.ts";
import type { Lowering, OnnxGraph, OnnxOp, Operands } from "./lowering.ts";
import { createOnnxBuilder, dataTypes, type OnnxBuilder } from "./onnx-builder.ts";

/** Made by fuseLayerNorms. */
const layerNorm: Lowering = (inputs, { attributes }, onnx) => {
  const epsilon = { fraction: attributes["epsilon"] as number };
  return onnx.op("LayerNormalization", inputs, { axis: -1, epsilon });
};

/** How each operation that can be traced is said in ONNX, and those that passes for ONNX make. */
const lowerings: Readonly<Record<OnnxOp, Lowering>> = {
  ...elementwise,
  ...reductions,
  ...structure,
  ...windowed,
  LayerNorm: layerNorm,
};

/** The numbers of a float tensor, without copying them if they lie on a multiple of four bytes. */
export function floatsOf({ rawData }: TensorProto): Float32Array {
  const isAligned = rawData.byteOffset % 4 === 0;
  const bytes = isAligned ? rawData : rawData.slice();
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}

const { BOOL, FLOAT, INT64 } = TensorProto_DataType;

/** Operations whose results have a type of their own. */
const ownTypes: Readonly<Record<string, number>> = {
  And: BOOL,
  ArgMax: INT64,
  Equal: BOOL,
  Greater: BOOL,
  GreaterOrEqual: BOOL,
  Less: BOOL,
  LessOrEqual: BOOL,
  Not: BOOL,
  Or: BOOL,
  Shape: INT64,
};

/** The element types of what an operation makes, by name, given those of its operands. */
export function typeOfResults(
  { opType, input, output, attribute }: NodeProto,
  types: ReadonlyMap<string, number>,
): (readonly [string, number])[] {
  const target = attribute.find(({ name }) => name === "to")?.i;
  const source = input[opType === "Where" ? 1 : 0] as string;
  const type = opType === "Cast" ? Number(target) : (ownTypes[opType] ?? types.get(source) ?? FLOAT);
  return output.map((name) => [name, type]);
}

/** The version of ONNX's operators that is written; ONNX Runtime has it since 1.17. */
const opset = 20n;
const irVersion = 9n;

function lower(node: Node<OnnxOp>, names: Map<number, string>, onnx: OnnxBuilder): void {
  const lowering: Lowering | undefined = lowerings[node.op];
  if (lowering === undefined) {
    throw new ClipError("unsupported", `The operation ${node.op} cannot be written as ONNX yet.`, {
      data: { op: node.op },
    });
  }
  const operands = node.inputs.map(({ id }) => names.get(id) as string);
  const results = lowering(operands as string[] & Operands, node, onnx);
  const list = typeof results === "string" ? [results] : results;
  node.outputs.forEach(({ id }, index) => names.set(id, list[index] as string));
}

function describe(
  { name, value }: NamedValue,
  symbols: readonly SymbolicSize[],
  elemType: number = dataTypes[value.dtype],
): MessageInitShape<typeof ValueInfoProtoSchema> {
  const dim = value.shape.map((side) => ({
    value: isOpen(side, symbols)
      ? { case: "dimParam" as const, value: describeSide(side, symbols) }
      : { case: "dimValue" as const, value: BigInt(side) },
  }));
  const tensorType = { elemType, shape: { dim } };
  return { name, type: { value: { case: "tensorType" as const, value: tensorType } } };
}

/** Gives results the names they have outside; one that is an input too, or has two names, is copied. */
function nameOutputs(graph: OnnxGraph, names: ReadonlyMap<number, string>, onnx: OnnxBuilder): void {
  const made = new Set(onnx.nodes.flatMap(({ output }) => output));
  const renamed = new Map<string, string>();
  const copies: [from: string, to: string][] = [];
  for (const { name, value } of graph.outputs) {
    const inner = names.get(value.id) as string;
    if (made.has(inner) && !renamed.has(inner)) renamed.set(inner, name);
    else copies.push([inner, name]);
  }
  const outer = (name: string): string => renamed.get(name) ?? name;
  for (const node of onnx.nodes) {
    node.input = node.input.map(outer);
    node.output = node.output.map(outer);
  }
  for (const [from, to] of copies) {
    onnx.op("Identity", [outer(from)]);
    (onnx.nodes.at(-1) as NodeProto).output = [to];
  }
}

/**
 * Nodes that nothing else needs, such as those that make gradients of weights, go last, in reverse. ONNX
 * Runtime walks the graph depth first from its last such node; in this order it makes a gradient as soon
 * as it can, instead of keeping all that gradients are made of until the whole backward pass is done.
 */
function leavesLast(nodes: readonly NodeProto[]): NodeProto[] {
  const needed = new Set(nodes.flatMap(({ input }) => input));
  const isLeaf = ({ output }: NodeProto): boolean => !output.some((name) => needed.has(name));
  return [...nodes.filter((node) => !isLeaf(node)), ...nodes.filter(isLeaf).toReversed()];
}

/** Where an open size is read. */
function sourceIn(graph: OnnxGraph, symbol: SymbolicSize): SymbolSource {
  const source = sourceOf(graph, symbol);
  if (source !== undefined) return source;
  throw new ClipError("unsupported", `No input has the open size "${symbol.name}" as a side.`, {
    data: { symbol: symbol.name },
  });
}

/** What an ONNX model does unlike its graph. */
interface OnnxModelOptions {
  /** Inputs of whole numbers that are given in 64 bits. */
  readonly wideInputs?: ReadonlySet<string>;
}

const none: ReadonlySet<string> = new Set();
const int64 = TensorProto_DataType.INT64;

/**
 * The graph as an ONNX model with the graph's own input and output names; open sizes are its dynamic axes.
 * Constants are not copied.
 * @throws ClipError "unsupported" naming an operation without a counterpart.
 */
export function onnxModel(graph: OnnxGraph, { wideInputs = none }: OnnxModelOptions = {}): ModelProto {
  const { symbols = [] } = graph;
  const source = (symbol: SymbolicSize): SymbolSource => sourceIn(graph, symbol);
  const onnx = createOnnxBuilder({ symbols, source });
  const names = new Map(graph.inputs.map(({ name, value }) => [value.id, name]));
  for (const { name, value } of graph.inputs) {
    const to = dataTypes[value.dtype];
    if (wideInputs.has(name)) names.set(value.id, onnx.op("Cast", [name], { to }));
  }
  for (const { value, data, name } of graph.constants) {
    names.set(value.id, onnx.tensor(value, data, name));
  }
  for (const node of graph.nodes) lower(node, names, onnx);
  nameOutputs(graph, names, onnx);
  return create(ModelProtoSchema, {
    irVersion,
    producerName: "clip-ts",
    opsetImport: [{ domain: "", version: opset }],
    graph: {
      name: "clip-ts",
      node: leavesLast(onnx.nodes),
      initializer: onnx.initializers,
      input: graph.inputs.map((input) => describe(input, symbols, wideInputs.has(input.name) ? int64 : undefined)),
      output: graph.outputs.map((output) => describe(output, symbols)),
    },
  });
}

/** The bytes of an ONNX file. */
export function writeOnnx(graph: Graph): Uint8Array {
  return toBinary(ModelProtoSchema, onnxModel(graph));
}
