import { create, toBinary } from "@bufbuild/protobuf";
import type { WeightsDtype } from "@clip-ts/base";
import type { Graph } from "@clip-ts/jit";
import { removeDeadCode } from "@clip-ts/jit/backend";
import { fuseBiases, fuseLayerNorms } from "./fuse.ts";
import {
  ModelProtoSchema,
  TensorProto_DataLocation,
  TensorProtoSchema,
  type GraphProto,
  type ModelProto,
  type TensorProto,
} from "./generated/onnx_pb.ts";
import { halveModel } from "./half.ts";
import { quantizeModel } from "./quantize.ts";
import { onnxModel } from "./write-onnx.ts";

/** A file of weights beside the model's. */
export interface DataFile {
  readonly name: string;
  readonly byteLength: number;
  /** What it holds, in order: the weights' own memory. */
  readonly chunks: readonly Uint8Array[];
}

/** A model of which some weights lie in files of their own. */
export interface SplitModel {
  readonly model: ModelProto;
  readonly files: readonly DataFile[];
}

/** Tensors below this stay in the model: shapes and biases. */
const smallestMoved = 1024;

/** Weights start at multiples of this, so that runtimes can map the file. */
const alignment = 4096;

/** The name of the n-th file of weights, as @huggingface/transformers counts them. */
const dataFileName = (modelFile: string, index: number): string => `${modelFile}_data${index === 0 ? "" : `_${index}`}`;

/** A weight that is handed to a runtime beside the model: its name there, and its own memory. */
export interface LooseWeight {
  readonly path: string;
  readonly data: Uint8Array;
}

/** The tensor as one whose numbers lie elsewhere. */
function externalTensor(
  { name, dims, dataType }: TensorProto,
  entries: Readonly<Record<string, string | number>>,
): TensorProto {
  const externalData = Object.entries(entries).map(([key, value]) => ({ key, value: `${value}` }));
  const dataLocation = TensorProto_DataLocation.EXTERNAL;
  return create(TensorProtoSchema, { name, dims, dataType, dataLocation, externalData });
}

/** Takes the weights out of a model, each by itself, so that none is copied into the model's bytes. */
export function looseWeights(model: ModelProto): {
  readonly model: ModelProto;
  readonly weights: readonly LooseWeight[];
} {
  const graph = model.graph as GraphProto;
  const weights: LooseWeight[] = [];
  const initializer = graph.initializer.map((tensor): TensorProto => {
    const { rawData } = tensor;
    if (rawData.length < smallestMoved) return tensor;
    const path = `weight-${weights.length}`;
    weights.push({ path, data: rawData });
    return externalTensor(tensor, { location: path, offset: 0, length: rawData.length });
  });
  return { model: { ...model, graph: { ...graph, initializer } }, weights };
}

/** A file in the making. */
interface OpenFile {
  readonly name: string;
  readonly chunks: Uint8Array[];
  byteLength: number;
}

function append(file: OpenFile, bytes: Uint8Array): number {
  const gap = (alignment - (file.byteLength % alignment)) % alignment;
  if (gap > 0) file.chunks.push(new Uint8Array(gap));
  const offset = file.byteLength + gap;
  file.chunks.push(bytes);
  file.byteLength = offset + bytes.length;
  return offset;
}

/**
 * Moves weights out of a model that is larger than `largest` bytes with them, into files of at most
 * `largest` bytes each. A protobuf message, and many an array, ends at 2 GiB.
 */
function splitModel(model: ModelProto, modelFile: string, largest: number): SplitModel {
  const graph = model.graph as GraphProto;
  const total = graph.initializer.reduce((sum, { rawData }) => sum + rawData.length, 0);
  if (total <= largest) return { model, files: [] };
  const files: OpenFile[] = [];
  const fileFor = (bytes: Uint8Array): OpenFile => {
    const last = files.at(-1);
    if (last && last.byteLength + alignment + bytes.length <= largest) return last;
    const file = { name: dataFileName(modelFile, files.length), chunks: [], byteLength: 0 };
    files.push(file);
    return file;
  };
  const initializer = graph.initializer.map((tensor): TensorProto => {
    const { rawData } = tensor;
    if (rawData.length < smallestMoved) return tensor;
    const file = fileFor(rawData);
    const offset = append(file, rawData);
    return externalTensor(tensor, { location: file.name, offset, length: rawData.length });
  });
  return { model: { ...model, graph: { ...graph, initializer } }, files };
}

/** How a graph is written for other programs. */
export interface ExportOptions {
  /** The file's name; those of its weights, if they do not fit into it, are made of it. */
  readonly file: string;
  /** f32 by default. */
  readonly precision?: WeightsDtype;
  /** Inputs of whole numbers that others give in 64 bits. */
  readonly wideInputs?: readonly string[];
  /** The most bytes of weights that a file holds; just below 2 GiB by default. */
  readonly largestFile?: number;
}

/** An ONNX model for other programs. */
export interface OnnxExport {
  readonly model: Uint8Array;
  /** Files that must lie beside the model's; none unless it is large. */
  readonly files: readonly DataFile[];
}

/** Protobuf's messages end at 2 GiB; the graph itself takes the rest. */
const largestFileByDefault = 2 ** 31 - 2 ** 24;

const writers: Readonly<Record<WeightsDtype, (model: ModelProto) => ModelProto>> = {
  f32: (model) => model,
  f16: halveModel,
  q8: (model) => quantizeModel(model),
};

/**
 * Writes a graph, whose parameters are constants, as an ONNX model that does not need us. The graph should
 * be optimised; layer norms and biases become parts of ONNX's own operations.
 * @throws ClipError "unsupported" naming an operation without a counterpart.
 */
export function exportOnnx(graph: Graph, options: ExportOptions): OnnxExport {
  const { file, precision = "f32", wideInputs = [], largestFile = largestFileByDefault } = options;
  const fused = removeDeadCode(fuseBiases(fuseLayerNorms(graph)));
  const whole = writers[precision](onnxModel(fused, { wideInputs: new Set(wideInputs) }));
  const { model, files } = splitModel(whole, file, largestFile);
  return { model: toBinary(ModelProtoSchema, model), files };
}
