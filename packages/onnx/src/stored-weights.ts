import { toBinary } from "@bufbuild/protobuf";
import { ClipError, type WeightsDtype } from "@clip-ts/base";
import type { Graph } from "@clip-ts/jit";
import { removeDeadCode } from "@clip-ts/jit/backend";
import { fuseBiases, fuseLayerNorms } from "./fuse.ts";
import { ModelProtoSchema, type ModelProto } from "./generated/onnx_pb.ts";
import { halveModel, halveWeights } from "./half.ts";
import { quantizeModel } from "./quantize.ts";
import { signedWeights } from "./signed-weights.ts";
import { onnxModel } from "./write-onnx.ts";

/** What a machine has for numbers of fewer bits. */
export interface NarrowArithmetic {
  /** Arithmetic in half precision; without it weights are widened. No by default. */
  readonly hasHalves?: boolean;
  /** Dot products of unsigned with signed bytes in one instruction (VNNI). No by default: right everywhere. */
  readonly hasByteProducts?: boolean;
}

/** The graph, whose weights are constants, as a model that keeps them as `dtype`. Layer norms and biases are fused. */
export function narrowModel(
  graph: Graph,
  dtype: WeightsDtype,
  { hasHalves = false, hasByteProducts = false }: NarrowArithmetic = {},
): ModelProto {
  const model = onnxModel(removeDeadCode(fuseBiases(fuseLayerNorms(graph))));
  if (dtype === "f16") return hasHalves ? halveModel(model) : halveWeights(model);
  if (dtype === "q8") return hasByteProducts ? signedWeights(quantizeModel(model)) : quantizeModel(model);
  return model;
}

/** A protobuf message ends here. */
const largestMessage = 2 ** 31 - 2 ** 24;

/**
 * The bytes of such a model.
 * @throws ClipError "unsupported" for weights that do not fit into one ONNX file.
 */
export function writeNarrowOnnx(graph: Graph, dtype: WeightsDtype, arithmetic: NarrowArithmetic = {}): Uint8Array {
  const model = narrowModel(graph, dtype, arithmetic);
  const size = (model.graph?.initializer ?? []).reduce((sum, { rawData }) => sum + rawData.length, 0);
  if (size <= largestMessage) return toBinary(ModelProtoSchema, model);
  throw new ClipError(
    "unsupported",
    `As ${dtype} the weights of this tower take ${(size / 2 ** 30).toFixed(1)} GiB, and ONNX Runtime takes less than ` +
      `2 GiB at once: ${dtype === "q8" ? "leave dtype out" : 'use dtype "q8", or leave it out'}.`,
    { data: { size, dtype } },
  );
}
