import { randomTensor } from "@clip-ts/test-utils";
import * as tf from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { activations, arithmetic } from "./arithmetic.ts";
import { beside, compareGradients, type GradientCase, type GradientCases } from "./against-tfjs.test.ts";

type Unary = (x: tf.Tensor) => tf.Tensor;
type Binary = (a: tf.Tensor, b: tf.Tensor) => tf.Tensor;

const uniform = (low: number, high: number, shape = [3, 5]): tf.Tensor =>
  tf.add(low, tf.mul(tf.sigmoid(randomTensor(shape, "uniform")), high - low));
const one = (run: Unary, x: tf.Tensor | number[] = [3, 5]): GradientCase => ({
  inputs: [x],
  run: run as GradientCase["run"],
});

/** a and b of one shape, and each broadcast in its turn, through added axes and axes of 1. */
function two(
  run: Binary,
  make = (shape: number[], _which: number): tf.Tensor | number[] => shape,
  broadcast: Pick<GradientCase, "judge"> = {},
): GradientCase[] {
  const named = (name: string, a: number[], b: number[]): GradientCase => ({
    name,
    inputs: [make(a, 0), make(b, 1)],
    run: run as GradientCase["run"],
    ...(name === "of one shape" ? {} : broadcast),
  });
  return [
    named("of one shape", [3, 5], [3, 5]),
    named("by rows", [2, 3, 5], [5]),
    named("by columns", [3, 1], [2, 3, 5]),
    named("by a number", [3, 5], []),
    named("both ways", [3, 1], [1, 5]),
  ];
}

/** Values a half apart, none close to another's, so that differences do not cross a corner. */
const apart = (shape: number[], which = 0): tf.Tensor => {
  const x = randomTensor(shape, which);
  return tf.add(tf.mul(tf.round(tf.mul(x, 2)), 0.5), (which + 1) * 0.1);
};
const positive = (shape: number[]): tf.Tensor => uniform(0.5, 2, shape);
const jumps = { Sign: tf.sign, Step: tf.step, Floor: tf.floor, Ceil: tf.ceil, Round: tf.round };
const float =
  (run: Unary): Unary =>
  (x) =>
    tf.cast(run(x), "float32");

const cases: GradientCases = {
  Add: two(tf.add),
  Sub: two(tf.sub),
  AddN: {
    inputs: [
      [3, 5],
      [3, 5],
      [3, 5],
    ],
    run: (...xs) => tf.addN(xs),
  },
  Multiply: [
    ...two(tf.mul),
    { ...one((x) => tf.mul(x, tf.tensor([1, 2, 3], [3, 1], "int32"))), name: "with integers" },
  ],
  RealDiv: two(tf.div, positive),
  SquaredDifference: two(tf.squaredDifference, undefined, { judge: "differences" }),
  Maximum: two(tf.maximum, apart, { judge: "differences" }),
  Minimum: two(tf.minimum, apart, { judge: "differences" }),
  Pow: two(tf.pow, positive),
  Mod: { inputs: [uniform(3, 7), uniform(0.9, 1.1)], run: (a, b) => tf.mod(a!, b!) },
  Atan2: two(tf.atan2, positive),
  Neg: one(tf.neg),
  Abs: one(tf.abs),
  Square: one(tf.square),
  Sqrt: one(tf.sqrt, uniform(0.1, 4)),
  Rsqrt: one(tf.rsqrt, uniform(0.1, 4)),
  Reciprocal: one(tf.reciprocal, uniform(0.5, 4)),
  Exp: one(tf.exp),
  Expm1: one(tf.expm1),
  Log: one(tf.log, uniform(0.1, 4)),
  Log1p: one(tf.log1p, uniform(-0.5, 4)),
  Sin: one(tf.sin),
  Cos: one(tf.cos),
  Tan: one(tf.tan, uniform(-1, 1)),
  Asin: one(tf.asin, uniform(-0.9, 0.9)),
  Acos: one(tf.acos, uniform(-0.9, 0.9)),
  Atan: one(tf.atan),
  Sinh: one(tf.sinh),
  Cosh: one(tf.cosh),
  Asinh: one(tf.asinh),
  Acosh: one(tf.acosh, uniform(1.1, 4)),
  Atanh: one(tf.atanh, uniform(-0.9, 0.9)),
  ClipByValue: one((x) => tf.clipByValue(x, -0.5, 0.5), tf.tensor([-2, -0.5, -0.2, 0, 0.3, 0.5, 1])),
  ...Object.fromEntries(Object.entries(jumps).map(([kernel, run]) => [kernel, one(beside(run as Unary))])),
  IsNan: one(beside(float(tf.isNaN))),
  IsInf: one(beside(float(tf.isInf))),
  IsFinite: one(beside(float(tf.isFinite))),
  ...Object.fromEntries(
    Object.entries({
      Equal: tf.equal,
      NotEqual: tf.notEqual,
      Greater: tf.greater,
      GreaterEqual: tf.greaterEqual,
      Less: tf.less,
      LessEqual: tf.lessEqual,
    }).map(([kernel, run]) => [
      kernel,
      {
        inputs: [apart([3, 5]), apart([5], 1)],
        run: (a, b) => tf.where(run(a!, b!), a!, b!),
        judge: "differences",
      } satisfies GradientCase,
    ]),
  ),
  FloorDiv: {
    inputs: [uniform(5.2, 5.8), uniform(2.2, 2.8)],
    run: (a, b) => tf.mul(tf.cast(tf.floorDiv(tf.cast(a!, "int32"), tf.cast(b!, "int32")), "float32"), b!),
    judge: "differences",
  },
  LogicalAnd: {
    ...one((x) => tf.where(tf.logicalAnd(tf.less(x, 2), tf.greater(x, 0.02)), x, 0), apart([3, 5])),
    judge: "differences",
  },
  LogicalOr: {
    ...one((x) => tf.where(tf.logicalOr(tf.less(x, -1), tf.greater(x, 0.02)), x, 0), apart([3, 5])),
    judge: "differences",
  },
  LogicalNot: {
    ...one((x) => tf.where(tf.logicalNot(tf.less(x, 0.02)), x, 0), apart([3, 5])),
    judge: "differences",
  },
  Relu: [one(tf.relu), { ...one(tf.relu, tf.tensor([-1, 0, 2])), name: "at 0" }],
  Relu6: [one(tf.relu6, uniform(-9, 9)), { ...one(tf.relu6, tf.tensor([0, 6, 7])), name: "at 6" }],
  LeakyRelu: one((x) => tf.leakyRelu(x, 0.3)),
  Prelu: [
    {
      inputs: [
        [3, 5],
        [3, 5],
      ],
      run: (x, alpha) => tf.prelu(x!, alpha!),
    },
    { name: "by rows", inputs: [[2, 3, 5], [5]], run: (x, alpha) => tf.prelu(x!, alpha!) },
  ],
  Elu: one(tf.elu),
  Selu: one(tf.selu),
  Sigmoid: one(tf.sigmoid),
  Softplus: one(tf.softplus),
  Tanh: one(tf.tanh),
  Erf: one(tf.erf),
  Softmax: one((x) => tf.softmax(x)),
};

compareGradients(cases);

test("every rule of these files has a case", () => {
  expect(Object.keys(cases).toSorted()).toEqual(Object.keys({ ...arithmetic, ...activations }).toSorted());
});
