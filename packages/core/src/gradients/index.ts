import { getGradient, registerGradient } from "@tensorflow/tfjs-core";
import { activations, arithmetic } from "./arithmetic.ts";
import { matMuls, reductions } from "./reductions.ts";
import type { Rules } from "./rule.ts";
import { indexing, shapes } from "./shapes.ts";
import { windows } from "./windows.ts";

/** The gradients of all operations that have one here. */
export const rules: Rules = {
  ...arithmetic,
  ...activations,
  ...reductions,
  ...shapes,
  ...indexing,
  ...matMuls,
  ...windows,
};

/**
 * Registers gradients with tfjs-core, which has none in Node: for every operation that clip-ts uses and for
 * the other common ones. An operation that has a gradient keeps it, so that `@tensorflow/tfjs` may be
 * imported too, before or after. To import this module is enough; the function is for programs that want
 * to say it.
 */
export function registerGradients(): void {
  for (const [kernelName, rule] of Object.entries(rules)) {
    if (getGradient(kernelName) == null) registerGradient({ kernelName, ...rule });
  }
}

registerGradients();
