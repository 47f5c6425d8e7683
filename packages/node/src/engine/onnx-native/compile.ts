import {
  checkArray,
  disposableFunction,
  type CompiledFunction,
  type Graph,
  type HostArrays,
} from "@clip-ts/jit";
import type { HostArray, Value } from "@clip-ts/jit";
import type { Handle } from "./api.ts";
import type { OnnxEnvironment } from "./environment.ts";
import { createSession, type SessionOptions } from "./session.ts";
import type { TensorViews } from "./tensors.ts";

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

function emptyArray({ shape, dtype }: Value): HostArray {
  const length = shape.reduce((product, side) => product * side, 1);
  if (dtype === "int32") return { data: new Int32Array(length), shape };
  return { data: dtype === "bool" ? new Uint8Array(length) : new Float32Array(length), shape };
}

/** The tensors of one run, in order. @throws ClipError if an array does not fit the graph. */
function viewsOf(list: Named, arrays: HostArrays, views: TensorViews): BigUint64Array {
  return BigUint64Array.from(list, ({ name, value }) =>
    BigInt(views.of(checkArray(value, name, arrays[name]), value.dtype)),
  );
}

function refuseStrangers(list: Named, arrays: HostArrays): void {
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
  return async (given, into = {}) => {
    refuseStrangers(graph.inputs, given);
    refuseStrangers(graph.outputs, into);
    const results = Object.fromEntries(
      graph.outputs.map(({ name, value }) => [name, into[name] ?? emptyArray(value)]),
    );
    const feeds = viewsOf(graph.inputs, given, views);
    const fetches = viewsOf(graph.outputs, results, views);
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

/**
 * Makes a session of a graph. Runs read their inputs and write their results where they lie; they happen
 * on threads of ONNX Runtime's, while JavaScript goes on. Several may run at once.
 */
export async function compileNative(
  graph: Graph,
  environment: OnnxEnvironment,
  { lanes, ...options }: SessionOptions & { readonly lanes: number },
): Promise<CompiledFunction> {
  const session = await createSession(graph, environment, options);
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
