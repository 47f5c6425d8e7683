import {
  add,
  cumprod,
  cumsum,
  div,
  equal,
  matMul,
  mul,
  neg,
  ones,
  reshape,
  rsqrt,
  sub,
  transpose,
  util,
  type Tensor,
} from "@tensorflow/tfjs-core";
import { sizeOf } from "../spec.ts";
import { flat, float, passOn, sumTo, type Rule, type Rules } from "./rule.ts";

/**
 * A · B, where A is a or aᵀ and B is b or bᵀ: dy · Bᵀ for A, Aᵀ · dy for B, transposed where the operand was;
 * batches that were broadcast are added up.
 */
const matMulRule: Rule = {
  inputsToSave: ["a", "b"],
  gradFunc(given, saved, attributes) {
    const dy = given as Tensor;
    const [a, b] = saved as [Tensor, Tensor];
    const { transposeA, transposeB } = attributes as Record<string, boolean>;
    const byA = (): Tensor => (transposeA ? matMul(b, dy, transposeB, true) : matMul(dy, b, false, !transposeB));
    const byB = (): Tensor => (transposeB ? matMul(dy, a, true, transposeA) : matMul(a, dy, !transposeA, false));
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
      variance: () => sumTo(mul(mul(scaled, centred), mul(mul(mul(r, r), r), -0.5)), variance.shape),
      scale: () => sumTo(mul(dy, mul(centred, r)), mean.shape),
      offset: () => passOn(dy, mean.shape),
    };
  },
};

/** Matmuls, and batch normalisation. */
export const matMuls: Rules = { BatchMatMul: matMulRule, FusedBatchNorm: normalised };

type Axes = number | number[];

/** The shape that a reduction would have left with its axes kept as 1. */
function keptShape(x: Tensor, axes: Axes): number[] {
  const reduced = new Set(util.parseAxisParam(axes, x.shape));
  return x.shape.map((length, axis) => (reduced.has(axis) ? 1 : length));
}

/** Repeats a reduced value along the axes it was reduced over. → x's shape. */
function spread(value: Tensor, x: Tensor, axes: Axes): Tensor {
  return mul(reshape(value, keptShape(x, axes)), ones(x.shape));
}

/** Σ x: dy for every entry. */
const sumRule: Rule = {
  inputsToSave: ["x"],
  gradFunc: (dy, [x], { axis }) => ({
    x: () => spread(dy as Tensor, x as Tensor, axis as Axes),
  }),
};

/** Σ x / n: dy / n for every entry. */
const meanRule: Rule = {
  inputsToSave: ["x"],
  gradFunc: (dy, saved, { axis }) => ({
    x() {
      const [x] = saved as [Tensor];
      const count = sizeOf(x.shape) / sizeOf(keptShape(x, axis as Axes));
      return div(spread(dy as Tensor, x, axis as Axes), count);
    },
  }),
};

/** The largest or smallest entry: dy where x is that; entries that tie get dy each. */
function extremeRule(attribute: "reductionIndices" | "axis"): Rule {
  return {
    inputsToSave: ["x"],
    outputsToSave: [true],
    gradFunc: (dy, saved, attributes) => ({
      x() {
        const [x, y] = saved as [Tensor, Tensor];
        const shape = keptShape(x, attributes[attribute] as Axes);
        return mul(reshape(dy as Tensor, shape), float(equal(x, reshape(y, shape))));
      },
    }),
  };
}

/**
 * Π x: for every entry dy times the product of the others, which is that of those before it times that
 * of those after it, so that no zero is divided by.
 */
const prodRule: Rule = {
  inputsToSave: ["x"],
  gradFunc: (dy, saved, { axis }) => ({
    x() {
      const [x] = saved as [Tensor];
      const reduced = util.parseAxisParam(axis as Axes, x.shape);
      const others = x.shape.map((_, index) => index).filter((index) => !reduced.includes(index));
      const order = [...others, ...reduced];
      const rows = reshape(transpose(x, order), [sizeOf(others.map((index) => x.shape[index] as number)), -1]);
      const rest = mul(cumprod(rows, 1, true), cumprod(rows, 1, true, true));
      const gradient = mul(reshape(dy as Tensor, [-1, 1]), rest);
      const back = order.map((_, index) => order.indexOf(index));
      return transpose(
        reshape(
          gradient,
          order.map((index) => x.shape[index] as number),
        ),
        back,
      );
    },
  }),
};

/** Running sums: those of dy from the other end. */
const cumsumRule: Rule = {
  gradFunc: (dy, _, { axis, exclusive, reverse }) => ({
    x: () => cumsum(dy as Tensor, axis as number, exclusive as boolean, !(reverse as boolean)),
  }),
};

/** What takes many numbers to one. */
export const reductions: Rules = {
  Sum: sumRule,
  Mean: meanRule,
  Max: extremeRule("reductionIndices"),
  Min: extremeRule("axis"),
  Prod: prodRule,
  Cumsum: cumsumRule,
  ArgMax: flat("x"),
  ArgMin: flat("x"),
};
