import type { Graph } from "../ir/graph.ts";
import type { HostArrays } from "./host-array.ts";

/** A graph that is ready to run. */
export interface CompiledFunction {
  /**
   * Runs once. Borrows the inputs. Results named in `into` are written to the memory given there; the
   * others are new.
   */
  run(inputs: HostArrays, into?: HostArrays): Promise<HostArrays>;
  /** Frees what the runtime holds. */
  dispose(): Promise<void>;
}

/** Makes graphs runnable. */
export type Target = (graph: Graph) => Promise<CompiledFunction>;
