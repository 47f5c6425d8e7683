import {
  checkArray,
  type CompiledFunction,
  disposableFunction,
  type Graph,
  type HostArray,
  type HostArrays,
  type Target,
  type Value,
} from "@clip-ts/jit";
import { toBinary } from "@bufbuild/protobuf";
import type { WeightsDtype } from "@clip-ts/base";
import { looseWeights, type LooseWeight } from "./export-onnx.ts";
import { ModelProtoSchema } from "./generated/onnx_pb.ts";
import { narrowModel, type NarrowArithmetic } from "./stored-weights.ts";
import { onnxModel } from "./write-onnx.ts";

/** A tensor of ONNX Runtime's, on the host. */
interface OnnxTensor {
  readonly data: unknown;
  readonly dims: readonly number[];
}

/** A graph that ONNX Runtime has loaded. */
interface OnnxSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /** Runs it; `null` stands for an output that has no place yet. */
  run(
    feeds: Readonly<Record<string, OnnxTensor>>,
    fetches: Readonly<Record<string, OnnxTensor | null>>,
  ): Promise<Readonly<Record<string, OnnxTensor>>>;
  release(): Promise<void>;
}

/** An array of a class that ONNX Runtime knows. */
type PlainArray = Exclude<HostArray["data"], Uint8ClampedArray>;

/** The same memory in a class that ONNX Runtime knows; a copy of what threads share, which its bindings do not read. */
function plain(data: HostArray["data"]): PlainArray {
  if (!(data instanceof Uint8ClampedArray)) return data;
  return isShared(data) ? new Uint8Array(data) : new Uint8Array(data.buffer, data.byteOffset, data.length);
}

const isShared = ({ buffer }: HostArray["data"]): boolean => !(buffer instanceof ArrayBuffer);

/** What is used of `onnxruntime-node`, `onnxruntime-web` or another with the same interface. */
export interface OnnxRuntime {
  readonly InferenceSession: {
    create(bytes: Uint8Array, options: object): Promise<OnnxSession>;
  };
  readonly Tensor: new (
    dtype: Value["dtype"] | "int64",
    data: PlainArray | BigInt64Array,
    dims: readonly number[],
  ) => OnnxTensor;
  /** Names the package that it is. */
  readonly env?: { readonly versions?: { readonly web?: string } };
}

/** How ONNX Runtime runs a graph. */
export interface OnnxOptions {
  readonly runtime: OnnxRuntime;
  /** Threads that share one operation; by default the runtime decides. */
  readonly threads?: number;
  /** Execution providers, best first, such as ["cuda", "cpu"]; by default the runtime's own. */
  readonly providers?: readonly string[];
  /** Whether layer norms and biases become parts of ONNX's own operations, as in exported models. No by default. */
  readonly fuses?: boolean;
  /** What constants that are weights are kept as; f32 by default. Others fuse as well. */
  readonly dtype?: WeightsDtype;
  /** What the processor or graphics card has for fewer bits; nothing by default. */
  readonly arithmetic?: NarrowArithmetic;
}

/** The runtime's settings for a model whose weights come beside it. */
export function sessionOptions({ threads, providers }: OnnxOptions, externalData: readonly LooseWeight[]): object {
  return {
    ...(externalData.length === 0 ? {} : { externalData }),
    graphOptimizationLevel: "all",
    // Planning memory ahead reserves one block beside what the first run took: more memory, no gain.
    enableMemPattern: false,
    executionMode: "sequential",
    logSeverityLevel: 3,
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    ...(providers === undefined ? {} : { executionProviders: providers }),
  };
}

/** The runtime's views of arrays' own memory. Arrays that come again keep theirs, unless they had to be copied. */
function createViews({ Tensor }: OnnxRuntime): (value: Value, array: HostArray) => OnnxTensor {
  const known = new WeakMap<HostArray, OnnxTensor>();
  return ({ dtype }, array) => {
    const view = known.get(array) ?? new Tensor(dtype, plain(array.data), array.shape);
    if (!isShared(array.data)) known.set(array, view);
    return view;
  };
}

/** A graph's inputs or outputs, and which sides of theirs are open. */
interface Interface {
  readonly values: ReadonlyMap<string, Value>;
  readonly symbols: Graph["symbols"];
}

const interfaceOf = (list: Graph["inputs"], { symbols }: Graph): Interface => ({
  values: new Map(list.map(({ name, value }) => [name, value])),
  symbols,
});

/** Whether results land in arrays given for them; onnxruntime-web leaves those as they are. */
const writesInPlace = ({ env }: OnnxRuntime): boolean => env?.versions?.web === undefined;

/** The result where it was wanted. */
function deliver(result: HostArray, wanted: HostArray | undefined): HostArray {
  if (wanted === undefined) return result;
  if (wanted.data !== result.data) wanted.data.set(result.data);
  return wanted;
}

/** The model's bytes without its weights, and these in their own memory. */
function writeParts(
  graph: Graph,
  { fuses = false, dtype = "f32", arithmetic }: OnnxOptions,
): { readonly bytes: Uint8Array; readonly weights: readonly LooseWeight[] } {
  const whole = fuses || dtype !== "f32" ? narrowModel(graph, dtype, arithmetic) : onnxModel(graph);
  const { model, weights } = looseWeights(whole);
  return { bytes: toBinary(ModelProtoSchema, model), weights };
}

/**
 * Makes an ONNX Runtime session of a graph. The runtime copies the graph's constants; the arrays that they
 * came in are not held on to.
 */
export async function compileOnnx(graph: Graph, options: OnnxOptions): Promise<CompiledFunction> {
  const { runtime } = options;
  const { bytes, weights } = writeParts(graph, options);
  const session = await runtime.InferenceSession.create(bytes, sessionOptions(options, weights));
  const inputs = interfaceOf(graph.inputs, graph);
  const outputs = interfaceOf(graph.outputs, graph);
  const viewOf = createViews(runtime);
  const views = (arrays: HostArrays, known: Interface): Map<string, OnnxTensor> =>
    new Map(
      Object.entries(arrays).map(([name, array]) => [
        name,
        viewOf(known.values.get(name) as Value, checkArray(known.values.get(name), name, array, known.symbols)),
      ]),
    );
  return disposableFunction({
    async run(given, into = {}) {
      const feeds = Object.fromEntries(views(given, inputs));
      const wanted = views(into, outputs);
      const fetched = writesInPlace(runtime) ? wanted : new Map<string, OnnxTensor>();
      const fetches = Object.fromEntries([...outputs.values.keys()].map((name) => [name, fetched.get(name) ?? null]));
      const results = await session.run(feeds, fetches);
      return Object.fromEntries(
        [...outputs.values.keys()].map((name): [string, HostArray] => {
          const { data, dims } = results[name] as OnnxTensor;
          return [name, deliver({ data: data as HostArray["data"], shape: dims }, into[name])];
        }),
      );
    },
    dispose: () => session.release(),
  });
}

/** ONNX Runtime as the target of programs. */
export function onnxTarget(options: OnnxOptions): Target {
  return (graph) => compileOnnx(graph, options);
}
