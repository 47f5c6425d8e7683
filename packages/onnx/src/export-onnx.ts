import { toBinary } from "@bufbuild/protobuf";
import type { Graph } from "@clip-ts/jit";
import { removeDeadCode } from "@clip-ts/jit/backend";
import { splitModel, type DataFile } from "./external-data.ts";
import { fuseBiases } from "./fuse-bias.ts";
import { fuseLayerNorms } from "./fuse-layer-norm.ts";
import { ModelProtoSchema, type ModelProto } from "./generated/onnx_pb.ts";
import { halveModel } from "./half.ts";
import { quantizeModel } from "./quantize.ts";
import { onnxModel } from "./write-onnx.ts";

/** The precisions in which a model can be exported: 32 bits, half precision, dynamic 8 bits. */
export const exportPrecisions = ["f32", "f16", "int8"] as const;

/** How weights are stored and products computed. */
export type ExportPrecision = (typeof exportPrecisions)[number];

/** How a graph is written for other programs. */
export interface ExportOptions {
  /** The file's name; those of its weights, if they do not fit into it, are made of it. */
  readonly file: string;
  /** f32 by default. */
  readonly precision?: ExportPrecision;
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

const writers: Readonly<Record<ExportPrecision, (model: ModelProto) => ModelProto>> = {
  f32: (model) => model,
  f16: halveModel,
  int8: quantizeModel,
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
