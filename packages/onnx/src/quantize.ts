import { create } from "@bufbuild/protobuf";
import {
  TensorProto_DataType,
  TensorProtoSchema,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
} from "./generated/onnx_pb.ts";
import { createNode } from "./onnx-builder.ts";
import { floatsOf } from "./write-onnx.ts";

const { FLOAT, INT8, UINT8 } = TensorProto_DataType;

/** The steps above or below zero that a weight can take. */
const steps = 127;
/** Below it 32-bit floats lose digits. */
const smallestNormal = 2 ** -126;

/** Rows as whole numbers of steps of their own: row ≈ scale · levels. */
interface QuantizedRows {
  readonly levels: Int8Array;
  readonly scales: Float32Array;
}

/** Rounds every row to the nearest of 255 levels, symmetric about zero, as far apart as the row needs. */
export function quantizeRows(values: Float32Array, width: number): QuantizedRows {
  const scales = new Float32Array(values.length / width);
  const levels = new Int8Array(values.length);
  for (let row = 0; row < scales.length; row++) {
    const start = row * width;
    let largest = 0;
    for (let at = start; at < start + width; at++) {
      largest = Math.max(largest, Math.abs(values[at] as number));
    }
    const needed = Math.fround(largest / steps);
    const scale = needed < smallestNormal ? 1 : needed; // rows of nothing, or next to it, become zeros
    scales[row] = scale;
    for (let at = start; at < start + width; at++) {
      levels[at] = Math.round((values[at] as number) / scale);
    }
  }
  return { levels, scales };
}

const columnsAtOnce = 64;

/** [rows, width] int8 → [width, rows] uint8, 128 standing for zero. */
function transposedBytes(levels: Int8Array, width: number): Uint8Array<ArrayBuffer> {
  const rows = levels.length / width;
  const bytes = new Uint8Array(levels.length);
  // A block of columns at a time, so that what is written stays in the processor's cache.
  for (let start = 0; start < width; start += columnsAtOnce) {
    const end = Math.min(width, start + columnsAtOnce);
    for (let row = 0; row < rows; row++) {
      for (let column = start; column < end; column++) {
        bytes[column * rows + row] = (levels[row * width + column] as number) + 128;
      }
    }
  }
  return bytes;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array<ArrayBuffer> =>
  new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);

/** The graph being written with its weights in 8 bits. */
class Quantizer {
  readonly nodes: NodeProto[] = [];
  readonly initializers: TensorProto[] = [];
  private readonly weights: ReadonlyMap<string, TensorProto>;
  private readonly activations = new Map<string, readonly string[]>();
  private readonly made = new Set<string>();

  constructor(graph: GraphProto) {
    const isMatrix = ({ dataType, dims }: TensorProto): boolean => dataType === FLOAT && dims.length === 2;
    this.weights = new Map(graph.initializer.filter(isMatrix).map((one) => [one.name, one]));
  }

  private constant(
    name: string,
    dims: readonly number[],
    dataType: TensorProto_DataType,
    rawData: Uint8Array<ArrayBuffer>,
  ): string {
    if (this.made.has(name)) return name;
    this.made.add(name);
    const tensor = { name, dims: dims.map(BigInt), dataType, rawData };
    this.initializers.push(create(TensorProtoSchema, tensor));
    return name;
  }

  private emit(opType: string, input: string[], output: string | string[], to?: number): string {
    const names = [output].flat();
    this.nodes.push(createNode(opType, input, names, to === undefined ? {} : { to }));
    return names[0] as string;
  }

  /** An activation in 8 bits, with its scale and zero point; rounded once for all that read it. */
  private activation(name: string): readonly string[] {
    const known = this.activations.get(name);
    if (known !== undefined) return known;
    const parts = [`${name} levels`, `${name} scale`, `${name} zero`];
    this.emit("DynamicQuantizeLinear", [name], parts);
    this.activations.set(name, parts);
    return parts;
  }

  /** x · weightᵀ with whole numbers: the sums are exact, the two scales are put back at the end. */
  private matMul(x: string, weight: TensorProto, result: string, bias?: string): void {
    const [rows, width] = weight.dims.map(Number) as [number, number];
    const { levels, scales } = quantizeRows(floatsOf(weight), width);
    const { name } = weight;
    const matrix = this.constant(`${name} levels`, [width, rows], UINT8, transposedBytes(levels, width));
    const scale = this.constant(`${name} scales`, [rows], FLOAT, bytesOf(scales));
    const zero = this.constant("middle level", [], UINT8, Uint8Array.of(128));
    const [bytes, step, middle] = this.activation(x) as [string, string, string];
    const sums = this.emit("MatMulInteger", [bytes, matrix, middle, zero], `${result} sums`);
    const floats = this.emit("Cast", [sums], `${result} floats`, FLOAT);
    const both = this.emit("Mul", [step, scale], `${result} scales`);
    if (bias === undefined) this.emit("Mul", [floats, both], result);
    else this.emit("Add", [this.emit("Mul", [floats, both], `${result} product`), bias], result);
  }

  /** Rows picked from a table in 8 bits, each with its own scale. */
  private rows(table: TensorProto, indices: string, result: string): void {
    const [rows, width] = table.dims.map(Number) as [number, number];
    const { levels, scales } = quantizeRows(floatsOf(table), width);
    const bytes = this.constant(`${table.name} levels`, [rows, width], INT8, bytesOf(levels));
    const steps8 = this.constant(`${table.name} scales`, [rows, 1], FLOAT, bytesOf(scales));
    const picked = this.emit("Gather", [bytes, indices], `${result} levels`);
    const scale = this.emit("Gather", [steps8, indices], `${result} scales`);
    this.emit("Mul", [this.emit("Cast", [picked], `${result} floats`, FLOAT), scale], result);
  }

  /** Appends an operation, in 8 bits if it is one that reads a matrix of weights row by row. */
  write(node: NodeProto): void {
    const [first, second] = node.input as [string, string];
    const [result] = node.output as [string];
    const weight = this.weights.get(second);
    const table = this.weights.get(first);
    if (node.opType === "Gemm" && weight !== undefined && readsRows(node)) {
      this.matMul(first, weight, result, node.input[2]);
    } else if (node.opType === "Gather" && table !== undefined && axisOf(node) === 0) {
      this.rows(table, second, result);
    } else this.nodes.push(node);
  }
}

const numberOf = ({ attribute }: NodeProto, name: string): number =>
  Number(attribute.find((entry) => entry.name === name)?.i ?? 0);

const axisOf = (node: NodeProto): number => numberOf(node, "axis");

const readsRows = (node: NodeProto): boolean => numberOf(node, "transA") === 0 && numberOf(node, "transB") === 1;

/**
 * The model with its matmuls with weights in whole numbers: weights in 8 bits with a scale for every row,
 * activations rounded to 8 bits when the model runs (dynamic quantization). Embedding tables are kept in
 * 8 bits too. Everything else stays in 32 bits.
 *
 * Weights are stored as unsigned bytes about 128: on processors without the newer dot product instructions,
 * sums of products with signed bytes saturate at 16 bits.
 */
export function quantizeModel(model: ModelProto): ModelProto {
  const graph = model.graph as GraphProto;
  const quantizer = new Quantizer(graph);
  for (const node of graph.node) quantizer.write(node);
  const read = new Set(quantizer.nodes.flatMap(({ input }) => input));
  const kept = graph.initializer.filter(({ name }) => read.has(name));
  const initializer = [...kept, ...quantizer.initializers];
  return { ...model, graph: { ...graph, node: quantizer.nodes, initializer } };
}
