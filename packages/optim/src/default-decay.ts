/**
 * True where weight decay applies unless a rule says otherwise: matrices and kernels, but no biases,
 * norms, logit scale or other vectors. The same parameters as in open_clip before version 3, which
 * decays the position embeddings with the weights; newer versions spare embeddings by rules of their
 * own, here `decay: [[/embedding/, false]]`.
 */
export function decaysByDefault(path: string, shape: readonly number[]): boolean {
  return shape.length >= 2 && !/norm|bias|logit_scale/.test(path);
}
