import { fromBinary, toBinary } from "@bufbuild/protobuf";
import type { WeightsDtype } from "@clip-ts/base";
import { sessionOptions, type OnnxOptions } from "./compile-onnx.ts";
import { ModelProtoSchema } from "./generated/onnx_pb.ts";
import { signedWeights } from "./signed-weights.ts";

/** An ONNX file that is read, and the files of weights beside it. */
export interface GraphFile {
  /** What errors call it. */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** By the names that the file gives them. */
  readonly data: readonly { readonly path: string; readonly data: Uint8Array }[];
  /** What its weights are kept as. */
  readonly dtype: WeightsDtype;
}

/** What goes into a graph: floats, or whole numbers that it takes in 64 bits. */
export interface GraphInput {
  readonly data: Float32Array | BigInt64Array;
  readonly shape: readonly number[];
}

/** Rows of floats that a graph gives. */
export interface GraphOutput {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

/** A stored graph, ready to run, with the names that its writer chose. */
export interface OpenedGraph {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Computes what is named, all of it where nothing is. Inputs that the graph does not have must not be given. */
  run(inputs: Readonly<Record<string, GraphInput>>): Promise<Readonly<Record<string, GraphOutput>>>;
  dispose(): Promise<void>;
}

/** Makes a stored graph ready to run. @throws whatever the runtime says of a file that is none. */
export type OpenGraph = (file: GraphFile) => Promise<OpenedGraph>;

/** The file with signed weights, where the processor is faster with them. */
function suited({ bytes, data, dtype }: GraphFile, { arithmetic }: OnnxOptions): Uint8Array {
  if (dtype !== "q8" || data.length > 0 || arithmetic?.hasByteProducts !== true) return bytes;
  return toBinary(ModelProtoSchema, signedWeights(fromBinary(ModelProtoSchema, bytes)));
}

/** Opens stored graphs on ONNX Runtime. The runtime copies the bytes. */
export function onnxGraphs(options: OnnxOptions): OpenGraph {
  const { InferenceSession, Tensor } = options.runtime;
  return async (file) => {
    const session = await InferenceSession.create(suited(file, options), sessionOptions(options, file.data));
    const { inputNames, outputNames } = session;
    return {
      inputs: inputNames,
      outputs: outputNames,
      async run(inputs) {
        const feeds = Object.entries(inputs).map(([name, { data, shape }]) => [
          name,
          new Tensor(data instanceof BigInt64Array ? "int64" : "float32", data, shape),
        ]);
        const fetches = Object.fromEntries(outputNames.map((name) => [name, null]));
        const results = await session.run(Object.fromEntries(feeds), fetches);
        return Object.fromEntries(
          Object.entries(results).map(([name, { data, dims }]) => [name, { data: data as Float32Array, shape: dims }]),
        );
      },
      dispose: () => session.release(),
    };
  };
}
