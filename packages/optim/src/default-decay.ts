import type { LeafTraits } from "./leaf-traits.ts";
import { roleOf } from "./leaf-traits.ts";

/**
 * True where weight decay applies unless a rule says otherwise: matrices, kernels, tables and heads, but
 * no biases, norms, scales or other vectors. The same parameters as in open_clip before version 3, which
 * decays the position embeddings with the weights; newer versions spare embeddings by rules of their
 * own, here `decay: [[/embedding/, false]]`.
 */
export function decaysByDefault(leaf: LeafTraits): boolean {
  const role = roleOf(leaf);
  return leaf.shape.length >= 2 && (role === "matrix" || role === "embedding" || role === "head");
}
