import { refuseAfterDisposal } from "@clip-ts/base";
import type { HostArray, HostArrays } from "@clip-ts/core";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";
import type { Graph } from "../ir/graph.ts";
import { hostTensor, interpret } from "../ir/interpret.ts";

/** A graph that is ready to run. */
export interface CompiledFunction {
  /**
   * Runs once. Borrows the inputs. Results named in `into` are written to the memory given there; the
   * others are new.
   */
  run(inputs: HostArrays, into?: HostArrays): Promise<HostArrays>;
  /** How many runs it pays to have going at once; one by default. */
  readonly lanes?: number;
  /** Frees what the runtime holds, once what runs has ended. */
  dispose(): Promise<void>;
}

/** What a graph is for. */
export interface GraphUse {
  /** Thousands of short runs on independent data, rather than long ones: one thread is best for each. */
  readonly isShort?: boolean;
  /**
   * Names of inputs, such as weights, for which the same array comes in most runs, with the same contents.
   * A target may keep copies, and what follows from them, until another array comes.
   */
  readonly lasting?: readonly string[];
}

/** Makes graphs runnable. */
export interface Target {
  (graph: Graph, use?: GraphUse): Promise<CompiledFunction>;
  /**
   * Whether one graph with open sizes (`traceSymbolic`) serves better than one for each size that comes:
   * where lasting inputs are kept, they are kept once. No by default.
   */
  readonly prefersOpenSizes?: boolean;
  /**
   * Whether weights must come as constants of graphs (`bindInputs`), since they are kept with fewer bits. No by default:
   * they may come with every run.
   */
  readonly needsConstants?: boolean;
}

/** A compiled graph that says so when it is run after `dispose`. */
export function disposableFunction(compiled: CompiledFunction): CompiledFunction {
  return refuseAfterDisposal(compiled, {
    what: "This compiled graph",
    remedy: "Compile the graph again, or dispose it only after its last run.",
  });
}

/** What holds memory of a runtime's. */
interface Disposable {
  dispose(): Promise<void>;
}

/** What is compiled, by key. */
export interface CompileCache<Compiled extends Disposable> {
  /** What belongs to this key, compiled on first use. */
  get(key: string, compile: () => Promise<Compiled>): Promise<Compiled>;
  dispose(): Promise<void>;
}

/** Keeps at most `limit` of them: those used last. */
export function createCompileCache<Compiled extends Disposable>(limit: number): CompileCache<Compiled> {
  const kept = new Map<string, Compiled>();
  return {
    async get(key, compile) {
      let compiled = kept.get(key);
      if (compiled === undefined && kept.size >= limit) {
        const [oldest, unused] = [...kept][0] as [string, Compiled];
        kept.delete(oldest);
        await unused.dispose();
      }
      compiled ??= await compile();
      kept.delete(key);
      kept.set(key, compiled);
      return compiled;
    },
    async dispose() {
      const all = [...kept.values()];
      kept.clear();
      for (const compiled of all) await compiled.dispose();
    },
  };
}

/** Runs graphs operation by operation on the tfjs engine that runs now: slow, works everywhere. */
export async function interpretTarget(graph: Graph): Promise<CompiledFunction> {
  return disposableFunction({
    async run(given, into = {}) {
      const inputs = graph.inputs.map(({ name, value }): [string, Tensor] => [
        name,
        hostTensor(value, (given[name] as HostArray).data),
      ]);
      const tensors = Object.fromEntries(inputs);
      const results = interpret(graph, tensors);
      const arrays = Object.entries(results).map(async ([name, result]) => {
        const data = await result.data<"float32">();
        into[name]?.data.set(data);
        return [name, into[name] ?? { data: data.slice(), shape: result.shape }] as const;
      });
      const read = Object.fromEntries(await Promise.all(arrays));
      dispose([tensors, results]);
      return read;
    },
    dispose: () => Promise.resolve(),
  });
}
