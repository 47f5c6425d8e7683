import { add, matMul, mul, neg, rsqrt, sub, type Tensor } from "@tensorflow/tfjs-core";
import { sumTo, passOn, type Rule, type Rules } from "./rule.ts";

/**
 * A · B, where A is a or aᵀ and B is b or bᵀ: dy · Bᵀ for A, Aᵀ · dy for B, turned where the operand was;
 * batches that were broadcast are added up.
 */
const product: Rule = {
  inputsToSave: ["a", "b"],
  gradFunc(given, saved, attributes) {
    const dy = given as Tensor;
    const [a, b] = saved as [Tensor, Tensor];
    const { transposeA, transposeB } = attributes as Record<string, boolean>;
    const byA = (): Tensor =>
      transposeA ? matMul(b, dy, transposeB, true) : matMul(dy, b, false, !transposeB);
    const byB = (): Tensor =>
      transposeB ? matMul(dy, a, true, transposeA) : matMul(a, dy, !transposeA, false);
    return { a: () => sumTo(byA(), a.shape), b: () => sumTo(byB(), b.shape) };
  },
};

/**
 * (x - mean) / √(variance + ε) · scale + offset, with statistics that are inputs like the others
 * (Ioffe & Szegedy 2015, arXiv:1502.03167). With r = 1 / √(variance + ε): dy · r · scale for x, minus that
 * for the mean, dy · (x - mean) · r for the scale, and dy · scale · (x - mean) · -½ r³ for the variance.
 */
const normalised: Rule = {
  inputsToSave: ["x", "mean", "variance", "scale"],
  gradFunc(given, saved, { varianceEpsilon }) {
    const dy = given as Tensor;
    const [x, mean, variance, gain] = saved as [Tensor, Tensor, Tensor, Tensor | undefined];
    const r = rsqrt(add(variance, varianceEpsilon as number));
    const scaled = gain === undefined ? dy : mul(dy, gain);
    const centred = sub(x, mean);
    return {
      x: () => mul(scaled, r),
      mean: () => neg(sumTo(mul(scaled, r), mean.shape)),
      variance: () =>
        sumTo(mul(mul(scaled, centred), mul(mul(mul(r, r), r), -0.5)), variance.shape),
      scale: () => sumTo(mul(dy, mul(centred, r)), mean.shape),
      offset: () => passOn(dy, mean.shape),
    };
  },
};

/** Products of matrices, and batch normalisation. */
export const products: Rules = { BatchMatMul: product, FusedBatchNorm: normalised };
