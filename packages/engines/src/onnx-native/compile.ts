import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { isClipError } from "@clip-ts/base";
import {
  checkArray,
  disposableFunction,
  type CompiledFunction,
  type Graph,
  type HostArray,
  type HostArrays,
  type Target,
  type Value,
} from "@clip-ts/jit";
import { sizeOfSide, sourceOf } from "@clip-ts/jit/backend";
import { writeNarrowOnnx, writeOnnx, type NarrowArithmetic, type WeightsDtype } from "@clip-ts/onnx";
import type { Handle, TensorViews } from "./api.ts";
import { createSession, onnxEnvironment, type OnnxEnvironment, type SessionOptions } from "./session.ts";

const require = createRequire(import.meta.url);

/** What ONNX Runtime's own library is called on Linux, macOS and Windows. */
const libraryName = /^(lib)?onnxruntime(\.[\d.]+)?\.(so(\.[\d.]+)?|dylib|dll)$/u;

/**
 * ONNX Runtime's library inside the npm package onnxruntime-node, for this platform.
 * @returns its path, or undefined if the package does not carry one.
 */
export function findOnnxLibrary(): string | undefined {
  const manifest = require.resolve("onnxruntime-node/package.json");
  const binaries = join(dirname(manifest), "bin");
  const versions = existsSync(binaries) ? readdirSync(binaries) : [];
  for (const version of versions.toSorted().toReversed()) {
    const folder = join(binaries, version, process.platform, process.arch);
    const found = existsSync(folder) ? readdirSync(folder).find((name) => libraryName.test(name)) : undefined;
    if (found !== undefined) return join(folder, found);
  }
  return undefined;
}

type Named = Graph["inputs"];

/** Names as C wants them: a list of addresses of words that end in zero. */
interface NameList {
  readonly addresses: BigUint64Array;
  readonly words: readonly Uint8Array[];
}

function nameList(list: Named, { api }: OnnxEnvironment): NameList {
  const words = list.map(({ name }) => new TextEncoder().encode(`${name}\0`));
  return { addresses: BigUint64Array.from(words, (word) => api.addressOf(word)), words };
}

function emptyArray({ shape, dtype }: Pick<Value, "shape" | "dtype">): HostArray {
  const length = shape.reduce((product, side) => product * side, 1);
  if (dtype === "int32") return { data: new Int32Array(length), shape };
  return { data: dtype === "bool" ? new Uint8Array(length) : new Float32Array(length), shape };
}

/** The shapes of a graph's results, given its inputs: sides that are open are read there. */
function shapesOfResults(graph: Graph): (value: Value, given: HostArrays) => readonly number[] {
  const { symbols = [] } = graph;
  const sources = new Map(symbols.map((symbol) => [symbol.name, sourceOf(graph, symbol)]));
  const sizeOf = (name: string, given: HostArrays): number => {
    const source = sources.get(name);
    return given[source?.input ?? ""]?.shape[source?.axis ?? 0] ?? 0;
  };
  return ({ shape }, given) =>
    shape.map((side) => {
      const { factor, symbols: names } = sizeOfSide(side, symbols);
      return names.reduce((size, name) => size * sizeOf(name, given), factor);
    });
}

/** The tensors of one run, in order. @throws ClipError if an array does not fit the graph. */
function viewsOf(list: Named, arrays: HostArrays, views: TensorViews, symbols: Graph["symbols"]): BigUint64Array {
  return BigUint64Array.from(list, ({ name, value }) =>
    BigInt(views.of(checkArray(value, name, arrays[name], symbols), value.dtype)),
  );
}

function refuseUnknown(list: Named, arrays: HostArrays): void {
  const known = new Set(list.map(({ name }) => name));
  for (const name of Object.keys(arrays)) {
    if (!known.has(name)) checkArray(undefined, name, arrays[name]);
  }
}

/** Arrays of runs that have not ended: what keeps their memory, whatever becomes of the caller. */
const inUse = new Set<object>();

type Run = CompiledFunction["run"];

/** Runs of a session. Each keeps its arrays in memory until it has ended. */
function runsOf(session: Handle, graph: Graph, environment: OnnxEnvironment): Run {
  const { api, views } = environment;
  const inputs = nameList(graph.inputs, environment);
  const outputs = nameList(graph.outputs, environment);
  const shapeOf = shapesOfResults(graph);
  const { symbols } = graph;
  return async (given, into = {}) => {
    refuseUnknown(graph.inputs, given);
    refuseUnknown(graph.outputs, into);
    const feeds = viewsOf(graph.inputs, given, views, symbols);
    const results = Object.fromEntries(
      graph.outputs.map(({ name, value }) => [
        name,
        into[name] ?? emptyArray({ dtype: value.dtype, shape: shapeOf(value, given) }),
      ]),
    );
    const fetches = viewsOf(graph.outputs, results, views, symbols);
    const held = { given, results, feeds, fetches, inputs, outputs };
    inUse.add(held);
    try {
      const status = await api.call.Run.later(
        session,
        0, // no options for this run
        inputs.addresses,
        feeds,
        feeds.length,
        outputs.addresses,
        fetches.length,
        fetches,
      );
      api.check(status);
      return results;
    } finally {
      inUse.delete(held);
    }
  };
}

/** How a graph is compiled. */
interface NativeOptions extends SessionOptions {
  readonly lanes: number;
  /** The graph as an ONNX model; `writeOnnx` by default. */
  readonly write?: (graph: Graph) => Uint8Array;
}

/**
 * Makes a session of a graph. Runs read their inputs and write their results where they lie; they happen
 * on threads of ONNX Runtime's, while JavaScript goes on. Several may run at once.
 */
async function compileNative(
  graph: Graph,
  environment: OnnxEnvironment,
  { lanes, write = writeOnnx, ...options }: NativeOptions,
): Promise<CompiledFunction> {
  const session = await createSession(write(graph), environment, options);
  const start = runsOf(session, graph, environment);
  const running = new Set<Promise<unknown>>();
  return disposableFunction({
    lanes,
    async run(given, into) {
      const run = start(given, into);
      const ended = run.catch(() => {});
      running.add(ended);
      try {
        return await run;
      } finally {
        running.delete(ended);
      }
    },
    async dispose() {
      await Promise.all(running);
      environment.api.call.ReleaseSession(session);
    },
  });
}

/** ONNX Runtime called without its JavaScript binding. */
export interface NativeTargets {
  readonly target: Target;
  /** The same for graphs whose constants are weights, which it keeps as `dtype`. */
  readonly narrowTarget: (dtype: WeightsDtype, arithmetic: NarrowArithmetic) => Target;
}

/** The same, or the reason why it cannot be called. */
export type NativeOnnx = NativeTargets | { readonly refusal: string };

/**
 * Runs graphs by ONNX Runtime's C interface: no result is copied and JavaScript goes on meanwhile.
 * Where the library or the package that calls it cannot be loaded, says so.
 */
export function openNativeOnnx(threads: number): NativeOnnx {
  try {
    const path = findOnnxLibrary();
    if (path === undefined) return { refusal: "onnxruntime-node carries no library for this system" };
    const environment = onnxEnvironment(path, threads);
    return {
      target: (graph, { isShort = false } = {}) =>
        compileNative(graph, environment, isShort ? { threads: 1, lanes: threads } : { threads, lanes: 1 }),
      narrowTarget: (dtype, arithmetic) => (graph) =>
        compileNative(graph, environment, {
          threads,
          lanes: 1,
          write: (given) => writeNarrowOnnx(given, dtype, arithmetic),
        }),
    };
  } catch (error) {
    if (isClipError(error)) return { refusal: error.message };
    return {
      refusal: error instanceof Error ? (error.message.split("\n")[0] as string) : String(error),
    };
  }
}
