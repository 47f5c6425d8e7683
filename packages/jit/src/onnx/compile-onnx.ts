import { ClipError } from "@clip-ts/base";
import type {
  InferenceSession,
  InferenceSessionFactory,
  TensorConstructor,
} from "onnxruntime-common";
import type { Graph, Value } from "../ir/graph.ts";
import type { HostArray, HostArrays } from "../program/host-array.ts";
import type { CompiledFunction, Target } from "../program/target.ts";
import { writeOnnx } from "./write-onnx.ts";

/** What is used of `onnxruntime-node`, `onnxruntime-web` or another with the same interface. */
export interface OnnxRuntime {
  readonly InferenceSession: InferenceSessionFactory;
  readonly Tensor: TensorConstructor;
}

/** How ONNX Runtime runs a graph. */
export interface OnnxOptions {
  readonly runtime: OnnxRuntime;
  /** Threads that share one operation; by default the runtime decides. */
  readonly threads?: number;
  /** Execution providers, best first, such as ["cuda", "cpu"]; by default the runtime's own. */
  readonly providers?: readonly string[];
}

type OnnxTensor = InferenceSession.FeedsType[string];

function sessionOptions({ threads, providers }: OnnxOptions): InferenceSession.SessionOptions {
  return {
    graphOptimizationLevel: "all",
    // Planning memory ahead reserves one block beside what the first run took: more memory, no gain.
    enableMemPattern: false,
    executionMode: "sequential",
    logSeverityLevel: 3,
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    ...(providers === undefined ? {} : { executionProviders: providers }),
  };
}

/** The runtime's views of arrays' own memory. Arrays that come again keep theirs. */
function createViews({ Tensor }: OnnxRuntime): (value: Value, array: HostArray) => OnnxTensor {
  const known = new WeakMap<HostArray, OnnxTensor>();
  return ({ dtype, shape }, array) => {
    const view = known.get(array) ?? new Tensor(dtype, array.data as Float32Array, shape);
    known.set(array, view);
    return view;
  };
}

function checked(values: ReadonlyMap<string, Value>, name: string, array: HostArray): Value {
  const value = values.get(name);
  if (value === undefined) {
    throw new ClipError("bad-argument", `The compiled graph has no value named "${name}".`);
  }
  if (array.shape.join() !== value.shape.join()) {
    throw new ClipError(
      "bad-shape",
      `"${name}" was compiled for [${value.shape.join(", ")}]; got [${array.shape.join(", ")}].`,
    );
  }
  return value;
}

/** Makes an ONNX Runtime session of a graph. */
export async function compileOnnx(graph: Graph, options: OnnxOptions): Promise<CompiledFunction> {
  const { runtime } = options;
  const session = await runtime.InferenceSession.create(writeOnnx(graph), sessionOptions(options));
  const byName = (list: Graph["inputs"]): ReadonlyMap<string, Value> =>
    new Map(list.map(({ name, value }) => [name, value]));
  const [inputs, outputs] = [byName(graph.inputs), byName(graph.outputs)];
  const viewOf = createViews(runtime);
  const views = (arrays: HostArrays, values: ReadonlyMap<string, Value>): Map<string, OnnxTensor> =>
    new Map(
      Object.entries(arrays).map(([name, array]) => [
        name,
        viewOf(checked(values, name, array), array),
      ]),
    );
  return {
    async run(given, into = {}) {
      const feeds = Object.fromEntries(views(given, inputs));
      const fetched = views(into, outputs);
      const fetches = Object.fromEntries(
        [...outputs.keys()].map((name) => [name, fetched.get(name) ?? null]),
      );
      const results = await session.run(feeds, fetches);
      return Object.fromEntries(
        [...outputs].map(([name, { shape }]): [string, HostArray] => {
          const data = results[name]?.data as HostArray["data"];
          return [name, into[name] ?? { data, shape }];
        }),
      );
    },
    dispose: () => session.release(),
  };
}

/** ONNX Runtime as the target of programs. */
export function onnxTarget(options: OnnxOptions): Target {
  return (graph) => compileOnnx(graph, options);
}
