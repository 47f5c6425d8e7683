import * as tf from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { compareGradients, type GradientCase, type GradientCases } from "./against-tfjs.test.ts";
import { indexing, shapes } from "./shapes.ts";
import { reductions } from "./reductions.ts";

type Reduce = (x: tf.Tensor, axis?: number | number[], keepDims?: boolean) => tf.Tensor;

/** A reduction over all axes, some, negative ones, with and without axes of 1 kept. */
const reduced = (run: Reduce, judge: Pick<GradientCase, "judge"> = {}): GradientCase[] =>
  [undefined, 0, -1, [1, -1], [0, 2]].flatMap((axis) =>
    [false, true].map((keep) => ({
      name: `over ${JSON.stringify(axis) ?? "all"}${keep ? ", kept" : ""}`,
      inputs: [[2, 3, 4]],
      run: (given) => run(given!, axis, keep),
      ...judge,
    })),
  );
const one = (run: (x: tf.Tensor) => tf.Tensor, x: tf.Tensor | number[] = [2, 3, 4]): GradientCase => ({
  inputs: [x],
  run: run as GradientCase["run"],
});
const named = (name: string, given: GradientCase): GradientCase => ({ ...given, name });
const ints = (values: number[], shape = [values.length]): tf.Tensor => tf.tensor(values, shape, "int32");
const ties = tf.tensor([1, 3, 3, 2, 2, 2], [2, 3]);
/** Different weights for the parts, one of them unused, whose gradient is then 0. */
const weigh = (parts: tf.Tensor[]): tf.Tensor => tf.add(parts[0]!, tf.mul(parts.at(-1)!, 3));

const cases: GradientCases = {
  Sum: reduced(tf.sum),
  Mean: reduced(tf.mean),
  Max: [
    ...reduced(tf.max),
    named(
      "with ties",
      one((x) => tf.max(x, 1), ties),
    ),
  ],
  Min: [
    ...reduced(tf.min),
    named(
      "with ties",
      one((x) => tf.min(x, 1), ties),
    ),
  ],
  Prod: [
    ...reduced(tf.prod, { judge: "differences" }),
    named(
      "with zeros",
      one((x) => tf.prod(x, 1), tf.tensor([0, 2, 3, 0, 0, 4], [2, 3])),
    ),
  ],
  Cumsum: [0, 1, 2].flatMap((axis) =>
    [
      [false, false],
      [true, false],
      [false, true],
      [true, true],
    ].map(([exclusive, reverse]) =>
      named(`${axis} ${exclusive} ${reverse}`, {
        ...one((x) => tf.cumsum(x, axis, exclusive, reverse)),
        ...(axis === 2 ? {} : { judge: "differences" }),
      }),
    ),
  ),
  ArgMax: one((x) => tf.mul(x, tf.expandDims(tf.cast(tf.argMax(x, 1), "float32"), 1))),
  ArgMin: one((x) => tf.mul(x, tf.expandDims(tf.cast(tf.argMin(x, 1), "float32"), 1))),
  Reshape: one((x) => tf.reshape(x, [4, 6])),
  ExpandDims: one((x) => tf.expandDims(x, -1)),
  Transpose: [
    one((x) => tf.transpose(x, [2, 0, 1])),
    named(
      "all",
      one((x) => tf.transpose(x)),
    ),
  ],
  Reverse: [
    one((x) => tf.reverse(x, 1)),
    named(
      "of two",
      one((x) => tf.reverse(x, [0, -1])),
    ),
  ],
  Identity: one(tf.clone),
  Cast: [
    one((x) => tf.cast(x, "float32")),
    named(
      "to integers",
      one((x) => tf.mul(x, tf.cast(tf.cast(x, "int32"), "float32"))),
    ),
  ],
  Concat: [0, 1, -1].map((axis) =>
    named(`along ${axis}`, {
      inputs: [0, 1, 2].map((extra) => [2, 3, 4].map((n, at) => (at === (axis + 3) % 3 ? n + extra : n))),
      run: (...xs) => tf.concat(xs, axis),
    }),
  ),
  SplitV: [
    one((x) => weigh(tf.split(x, 3, 1))),
    named(
      "by sizes",
      one((x) => tf.square(tf.split(x, [1, 2], 1)[1]!)),
    ),
    { ...one((x) => tf.square(tf.split(x, [3], -2)[0]!)), name: "into one", judge: "differences" },
  ],
  Pack: [
    {
      inputs: [
        [2, 3],
        [2, 3],
        [2, 3],
      ],
      run: (...xs) => tf.stack(xs, 1),
    },
    {
      name: "last",
      inputs: [
        [2, 3],
        [2, 3],
      ],
      run: (...xs) => tf.stack(xs, -1),
    },
  ],
  Unpack: [
    one((x) => weigh(tf.unstack(x, 1))),
    named(
      "last",
      one((x) => weigh(tf.unstack(x, -1))),
    ),
  ],
  Slice: [
    one((x) => tf.slice(x, [0, 1, 2], [2, 1, 2])),
    named(
      "to the end",
      one((x) => tf.slice(x, [1, 0, 1], [-1, 2, -1])),
    ),
    named(
      "of the first axis",
      one((x) => tf.slice(x, 1)),
    ),
  ],
  PadV2: one((x) =>
    tf.pad(
      x,
      [
        [1, 0],
        [0, 2],
        [1, 1],
      ],
      7,
    ),
  ),
  Tile: [
    one((x) => tf.tile(x, [2, 1, 3])),
    named(
      "nothing",
      one((x) => tf.tile(x, [1, 1, 1])),
    ),
    named(
      "rows of one",
      one((x) => tf.tile(x, [5, 1, 1]), [1, 3, 4]),
    ),
    named(
      "a vector",
      one((x) => tf.tile(x, [4]), [3]),
    ),
  ],
  Select: [
    {
      inputs: [
        [2, 3],
        [2, 3],
      ],
      run: (a, b) => tf.where(tf.tensor([1, 0, 1, 1, 0, 0], [2, 3], "bool"), a!, b!),
    },
    {
      name: "by rows",
      inputs: [[2, 3], [3]],
      run: (a, b) => tf.where(tf.tensor([1, 0, 1], [3], "bool"), a!, b!),
    },
  ],
  ZerosLike: one((x) => tf.add(x, tf.zerosLike(x))),
  OnesLike: one((x) => tf.add(x, tf.onesLike(x))),
  OneHot: {
    ...one((x) => tf.mul(x, tf.max(tf.oneHot(tf.cast(x, "int32"), 4), 1)), tf.tensor([0.5, 1.5, 9.5])),
    judge: "differences",
  },
  GatherV2: [
    {
      name: "rows",
      inputs: [[4, 3]],
      run: (x) => tf.gather(x!, ints([1, 3, 1, 0])),
      engines: ["cpu"],
    },
    {
      name: "along the last axis",
      inputs: [[2, 3, 4]],
      run: (x) => tf.gather(x!, ints([1, 3, 1, 0, 0]), -1),
    },
    {
      name: "by a matrix",
      inputs: [[2, 3, 4]],
      run: (x) => tf.gather(x!, ints([1, 2, 1, 0], [2, 2]), 1),
    },
    {
      name: "batch by batch",
      inputs: [[2, 3, 4]],
      run: (x) => tf.gather(x!, ints([1, 2, 1, 0, 0, 1], [2, 3]), 1, 1),
      judge: "differences",
      engines: ["cpu"], // tfjs-backend-wasm's gather takes the wrong rows
    },
    {
      name: "batch by batch along the last axis",
      inputs: [[2, 3, 4]],
      run: (x) => tf.gather(x!, ints([1, 3, 1, 0], [2, 2]), 2, 1),
      judge: "differences",
      engines: ["cpu"],
    },
  ],
  UnsortedSegmentSum: one((x) => tf.unsortedSegmentSum(x, ints([2, 0, 2, -1, 1]) as tf.Tensor1D, 3), [5, 4]),
};

compareGradients(cases);

test("every rule of these files has a case", () => {
  expect(Object.keys(cases).toSorted()).toEqual(Object.keys({ ...reductions, ...shapes, ...indexing }).toSorted());
});
