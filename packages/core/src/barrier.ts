import { engine, getBackend, getKernel, type Tensor } from "@tensorflow/tfjs-core";

/**
 * x itself, but in a traced graph as a value of its own that exists no earlier than `after`: what is
 * computed from it is not taken for the same computation from x, nor done before its time.
 * x [...] → same; it has no gradient.
 */
export function barrier(x: Tensor, after: Tensor): Tensor {
  if (getKernel("Barrier", getBackend()) == null) return x; // engines run in the order written
  return engine().runKernel("Barrier", { x, after });
}
