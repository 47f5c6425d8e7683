import {
  cumprod,
  cumsum,
  div,
  equal,
  mul,
  ones,
  reshape,
  transpose,
  util,
  type Tensor,
} from "@tensorflow/tfjs-core";
import { sizeOf } from "../spec.ts";
import { flat, float, type Rule, type Rules } from "./rule.ts";

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
      const rows = reshape(transpose(x, order), [
        sizeOf(others.map((index) => x.shape[index] as number)),
        -1,
      ]);
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
