import {
  add,
  cast,
  exp,
  greater,
  lessEqual,
  minimum,
  mul,
  neg,
  sigmoid,
  square,
  step,
  sub,
  sum,
  where,
  zerosLike,
  type Tensor,
} from "@tensorflow/tfjs-core";
import { fromInput, fromValue, sumTo, type Rule, type Rules } from "./rule.ts";

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
