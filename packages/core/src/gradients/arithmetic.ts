import {
  add,
  cast,
  clone,
  cos,
  cosh,
  div,
  equal,
  exp,
  floor,
  greater,
  greaterEqual,
  less,
  lessEqual,
  log,
  logicalAnd,
  minimum,
  mul,
  neg,
  pow,
  sigmoid,
  sign,
  sin,
  sinh,
  sqrt,
  square,
  step,
  sub,
  sum,
  where,
  zerosLike,
  type Tensor,
} from "@tensorflow/tfjs-core";
import { flat, float, fromInput, fromValue, ofTwo, passOn, sumTo, type Rule, type Rules } from "./rule.ts";

/** a + b or a - b: dy for a, ± dy for b. Only the inputs' shapes are used. */
function sumOrDifference(ofB: (dy: Tensor) => Tensor): Rule {
  return {
    inputsToSave: ["a", "b"],
    gradFunc: (given, [a, b]) => {
      const dy = given as Tensor;
      return {
        a: () => passOn(dy, (a as Tensor).shape),
        b: () => ofB(passOn(dy, (b as Tensor).shape)),
      };
    },
  };
}

/** x₀ + x₁ + …: dy for each. */
const addN: Rule = {
  saveAllInputs: true,
  gradFunc: (dy, saved) => Object.fromEntries(saved.map((_, index) => [index, () => clone(dy as Tensor)])),
};

/** a / b: dy / b, and Σ(dy · a) / -b², added up first because b is often smaller than a. */
const quotient: Rule = {
  inputsToSave: ["a", "b"],
  gradFunc(given, saved) {
    const dy = given as Tensor;
    const [a, b] = saved.map(float) as [Tensor, Tensor];
    return {
      a: () => sumTo(div(dy, b), a.shape),
      b: () => neg(div(sumTo(mul(dy, a), b.shape), square(b))),
    };
  },
};

/** b · a^(b - 1), which is 0 for b = 0 at any a, 0 included. */
function powerByBase(a: Tensor, b: Tensor): Tensor {
  const slope = mul(b, pow(a, sub(b, 1)));
  return where(equal(b, 0), zerosLike(slope), slope);
}

/** a^b · ln a, taken as 0 where a ≤ 0 has no logarithm. */
function powerByExponent(a: Tensor, b: Tensor): Tensor {
  const logarithm = log(where(greater(a, 0), a, 1));
  return mul(pow(a, b), logarithm);
}

/** a for the larger or smaller of two: equal ones count as a. */
const picked = (dy: Tensor, isPicked: Tensor): Tensor => mul(dy, cast(isPicked, "float32"));

/** dy where min ≤ x ≤ max, else 0. */
const clipByValue: Rule = {
  inputsToSave: ["x"],
  gradFunc: (given, saved, { clipValueMin, clipValueMax }) => ({
    x() {
      const [dy, [x]] = [given as Tensor, saved as [Tensor]];
      const isAbove = greaterEqual(x, clipValueMin as number);
      const isInside = logicalAnd(isAbove, lessEqual(x, clipValueMax as number));
      return where(isInside, dy, zerosLike(dy));
    },
  }),
};

/** Sums, products and what else is done number by number. Where a function has a corner, see its line. */
export const arithmetic: Rules = {
  Add: sumOrDifference((dy) => dy),
  Sub: sumOrDifference(neg),
  AddN: addN,
  Multiply: ofTwo(
    (dy, _, b) => mul(dy, b),
    (dy, a) => mul(dy, a),
  ),
  RealDiv: quotient,
  SquaredDifference: ofTwo(
    (dy, a, b) => mul(dy, mul(sub(a, b), 2)), // (a - b)²
    (dy, a, b) => mul(dy, mul(sub(b, a), 2)),
  ),
  Maximum: ofTwo(
    (dy, a, b) => picked(dy, greaterEqual(a, b)), // a if a ≥ b
    (dy, a, b) => picked(dy, less(a, b)),
  ),
  Minimum: ofTwo(
    (dy, a, b) => picked(dy, lessEqual(a, b)), // a if a ≤ b
    (dy, a, b) => picked(dy, greater(a, b)),
  ),
  Pow: ofTwo(
    (dy, a, b) => mul(dy, powerByBase(a, b)),
    (dy, a, b) => mul(dy, powerByExponent(a, b)),
  ),
  Mod: ofTwo(
    (dy) => clone(dy), // a - b ⌊a / b⌋
    (dy, a, b) => mul(dy, neg(floor(div(a, b)))),
  ),
  Atan2: ofTwo(
    (dy, a, b) => mul(dy, div(b, add(square(a), square(b)))), // b / (a² + b²)
    (dy, a, b) => mul(dy, neg(div(a, add(square(a), square(b))))), // -a / (a² + b²)
  ),
  Neg: fromValue(neg),
  Abs: fromInput((dy, x) => mul(dy, sign(x))), // 0 at 0
  Square: fromInput((dy, x) => mul(dy, mul(x, 2))),
  Sqrt: fromValue((dy, y) => div(dy, mul(y, 2))), // 1 / 2√x
  Rsqrt: fromValue((dy, y) => mul(dy, mul(mul(square(y), y), -0.5))), // x^-½: -½ x^-3/2
  Reciprocal: fromInput((dy, x) => div(dy, neg(square(x)))), // 1 / x: -1 / x²
  Exp: fromValue((dy, y) => mul(dy, y)),
  Expm1: fromValue((dy, y) => mul(dy, add(y, 1))), // eˣ - 1
  Log: fromInput((dy, x) => div(dy, x)),
  Log1p: fromInput((dy, x) => div(dy, add(x, 1))), // ln(1 + x)
  Sin: fromInput((dy, x) => mul(dy, cos(x))),
  Cos: fromInput((dy, x) => mul(dy, neg(sin(x)))),
  Tan: fromInput((dy, x) => div(dy, square(cos(x)))), // 1 / cos²
  Asin: fromInput((dy, x) => div(dy, sqrt(sub(1, square(x))))), // 1 / √(1 - x²)
  Acos: fromInput((dy, x) => neg(div(dy, sqrt(sub(1, square(x)))))),
  Atan: fromInput((dy, x) => div(dy, add(square(x), 1))), // 1 / (1 + x²)
  Sinh: fromInput((dy, x) => mul(dy, cosh(x))),
  Cosh: fromInput((dy, x) => mul(dy, sinh(x))),
  Asinh: fromInput((dy, x) => div(dy, sqrt(add(square(x), 1)))), // 1 / √(x² + 1)
  Acosh: fromInput((dy, x) => div(dy, sqrt(sub(square(x), 1)))), // 1 / √(x² - 1)
  Atanh: fromInput((dy, x) => div(dy, sub(1, square(x)))), // 1 / (1 - x²)
  ClipByValue: clipByValue,
  ...Object.fromEntries(
    ["Sign", "Step", "Floor", "Ceil", "Round", "IsNan", "IsInf", "IsFinite"].map((name) => [name, flat("x")]),
  ),
  ...Object.fromEntries(
    ["Equal", "NotEqual", "Greater", "GreaterEqual", "Less", "LessEqual", "FloorDiv"].map((name) => [
      name,
      flat("a", "b"),
    ]),
  ),
  LogicalAnd: flat("a", "b"),
  LogicalOr: flat("a", "b"),
  LogicalNot: flat("x"),
};

/** The constants of SELU (Klambauer et al. 2017, arXiv:1706.02515): λ and λ · α. */
const seluScale = 1.0507009873554805;
const seluScaleAlpha = seluScale * 1.6732632423543772;

/** y = softmax(x): y · dy - y · Σ(y · dy) along the axis. */
const softmaxRule: Rule = {
  outputsToSave: [true],
  gradFunc: (dy, [y], { dim }) => ({
    logits() {
      const weighted = mul(dy as Tensor, y as Tensor);
      return sub(weighted, mul(sum(weighted, dim as number, true), y as Tensor));
    },
  }),
};

/** x, or α · x where x ≤ 0, for a number α. */
const leakyReluRule: Rule = {
  inputsToSave: ["x"],
  gradFunc: (given, [x], { alpha }) => {
    const dy = given as Tensor;
    return { x: () => where(greater(x as Tensor, 0), dy, mul(dy, alpha as number)) };
  },
};

/** x, or α · x where x ≤ 0, for a tensor α that broadcasts: its gradient is x where x ≤ 0. */
const preluRule: Rule = {
  inputsToSave: ["x", "alpha"],
  gradFunc: (given, saved) => {
    const dy = given as Tensor;
    const [x, alpha] = saved as [Tensor, Tensor];
    const isPositive = greater(x, 0);
    return {
      x: () => where(isPositive, dy, mul(dy, alpha)),
      alpha: () => sumTo(where(isPositive, zerosLike(dy), mul(dy, x)), alpha.shape),
    };
  },
};

/** Activations. At its corner ReLU counts as the side whose slope is 0. */
export const activations: Rules = {
  Relu: fromValue((dy, y) => mul(dy, step(y))),
  Relu6: fromInput((dy, x) => mul(dy, mul(cast(lessEqual(x, 6), "float32"), step(x)))),
  LeakyRelu: leakyReluRule,
  Prelu: preluRule,
  Elu: fromValue((dy, y) => mul(dy, add(minimum(y, 0), 1))), // eˣ - 1 below 0: y + 1
  Selu: fromInput((dy, x) => mul(dy, where(greater(x, 0), seluScale, mul(exp(x), seluScaleAlpha)))),
  Sigmoid: fromValue((dy, y) => mul(dy, mul(y, sub(1, y)))), // y · (1 - y)
  Softplus: fromInput((dy, x) => mul(dy, sigmoid(x))), // ln(1 + eˣ)
  Tanh: fromValue((dy, y) => mul(sub(1, square(y)), dy)), // 1 - y²
  Erf: fromInput((dy, x) => mul(dy, mul(exp(neg(square(x))), 2 / Math.sqrt(Math.PI)))),
  Softmax: softmaxRule,
};
