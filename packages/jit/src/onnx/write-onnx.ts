import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { ClipError } from "@clip-ts/base";
import type { Graph, NamedValue, Node } from "../ir/graph.ts";
import {
  ModelProtoSchema,
  type NodeProto,
  type ModelProto,
  type ValueInfoProtoSchema,
} from "./generated/onnx_pb.ts";
import { elementwise } from "./lower-elementwise.ts";
import { reductions } from "./lower-reductions.ts";
import { structure } from "./lower-structure.ts";
import type { Lowering } from "./lowering.ts";
import { createOnnxBuilder, dataTypes, type OnnxBuilder } from "./onnx-builder.ts";

/** The version of ONNX's operators that is written; ONNX Runtime has it since 1.17. */
const opset = 20n;
const irVersion = 9n;

const lowerings: ReadonlyMap<string, Lowering> = new Map(
  Object.entries({ ...elementwise, ...reductions, ...structure }),
);

function lower(node: Node, names: Map<number, string>, onnx: OnnxBuilder): void {
  const lowering = lowerings.get(node.op);
  if (lowering === undefined) {
    throw new ClipError("unsupported", `The operation ${node.op} cannot be written as ONNX yet.`, {
      data: { op: node.op },
    });
  }
  const results = lowering(node.inputs.map(({ id }) => names.get(id)) as never, node, onnx);
  const list = typeof results === "string" ? [results] : results;
  node.outputs.forEach(({ id }, index) => names.set(id, list[index] as string));
}

function describe({ name, value }: NamedValue): MessageInitShape<typeof ValueInfoProtoSchema> {
  const dim = value.shape.map((side) => ({
    value: { case: "dimValue" as const, value: BigInt(side) },
  }));
  const tensorType = { elemType: dataTypes[value.dtype], shape: { dim } };
  return { name, type: { value: { case: "tensorType" as const, value: tensorType } } };
}

/** Gives results the names they have outside; one that is an input too, or has two names, is copied. */
function nameOutputs(graph: Graph, names: ReadonlyMap<number, string>, onnx: OnnxBuilder): void {
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

/**
 * The graph as an ONNX model with the graph's own input and output names.
 * @throws ClipError "unsupported" naming an operation without a counterpart.
 */
function onnxModel(graph: Graph): ModelProto {
  const onnx = createOnnxBuilder();
  const names = new Map(graph.inputs.map(({ name, value }) => [value.id, name]));
  for (const { value, data } of graph.constants) names.set(value.id, onnx.tensor(value, data));
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
      input: graph.inputs.map(describe),
      output: graph.outputs.map(describe),
    },
  });
}

/** The bytes of an ONNX file. */
export function writeOnnx(graph: Graph): Uint8Array {
  return toBinary(ModelProtoSchema, onnxModel(graph));
}
