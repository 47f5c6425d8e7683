import type { Graph } from "../ir/graph.ts";
import type { HostArrays } from "@clip-ts/core";

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
}
