import { refuseAfterDisposal } from "@clip-ts/base";
import type { CompiledFunction } from "./target.ts";

/** A compiled graph that says so when it is run after `dispose`. */
export function disposableFunction(compiled: CompiledFunction): CompiledFunction {
  return refuseAfterDisposal(compiled, {
    what: "This compiled graph",
    remedy: "Compile the graph again, or dispose it only after its last run.",
  });
}
