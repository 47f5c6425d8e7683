import { getGradient, registerGradient } from "@tensorflow/tfjs-core";
import { rules } from "./rules.ts";

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
