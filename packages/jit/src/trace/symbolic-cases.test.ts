import { randomTensor } from "@clip-ts/test-utils";
import * as tf from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import type { NamedTensors } from "./trace.ts";

/** A function that is traced with open sizes. */
export type Run = (inputs: NamedTensors) => NamedTensors;

/** Every way in which an open size gets into an operation. */
export const symbolicCases: Readonly<Record<string, Run>> = {
  reshape: ({ x }) => ({
    flat: tf.reshape(x!, [-1, 6]),
    split: tf.reshape(x!, [...x!.shape.slice(0, 2), 2, 3]),
    merged: tf.reshape(x!, [-1]),
    swapped: tf.transpose(tf.reshape(x!, [-1, x!.shape[1]!, 3, 2]), [2, 1, 0, 3]),
  }),
  "reshape of a transpose": ({ x }) => ({
    y: tf.reshape(tf.transpose(x!, [1, 0, 2]), [x!.shape[1]!, x!.shape[0]!, 3, 2]),
  }),
  range: ({ x }) => ({
    float: tf.add(tf.range(0, x!.shape[1]!), tf.sum(x!)),
    stepped: tf.mul(tf.range(1, 2 * x!.shape[1]! + 1, 2, "int32"), 3),
    mask: tf.cast(
      tf.greater(tf.expandDims(tf.range(0, x!.shape[1]!), 0), tf.expandDims(tf.range(0, x!.shape[1]!), 1)),
      "float32",
    ),
  }),
  slice: ({ x, table }) => ({
    rows: tf.slice(table!, [0, 0], [x!.shape[1]!, 4]),
    first: tf.slice(x!, [0, 0, 1], [-1, 1, 4]),
  }),
  tile: ({ x, table }) => ({
    y: tf.tile(tf.reshape(tf.slice(table!, [0, 0], [1, 4]), [1, 1, 4]), [x!.shape[0]!, 1, 2]),
  }),
  fill: ({ x }) => ({ y: tf.add(tf.fill(x!.shape.slice(0, 2), 3), 1) }),
  "sum of a fill": ({ x }) => ({ y: tf.sum(tf.fill(x!.shape.slice(0, 2), 3), 1) }),
  "one hot": ({ x }) => ({
    y: tf.cast(tf.oneHot(tf.argMax(tf.mean(x!, -1), 1), x!.shape[1]!), "float32"),
  }),
  concat: ({ x }) => ({
    y: tf.concat([tf.expandDims(tf.mean(x!, 1), 1), tf.slice(x!, [0, 0, 0], [-1, 1, -1])], 1),
  }),
  split: ({ x }) => ({ y: tf.add(...(tf.split(x!, 2, 2) as [tf.Tensor, tf.Tensor])) }),
  "sum by row": ({ x }) => ({ y: tf.sum(x!, 1), z: tf.softmax(tf.matMul(x!, x!, false, true)) }),
};

/** The inputs of every case. */
export const symbolicInputs = {
  x: { shape: ["batch", "tokens", 6] },
  table: { shape: [12, 4] },
} as const;

/** The inputs at several sizes. */
export function openSizes(): NamedTensors[] {
  const sizes = [
    [1, 2],
    [2, 5],
    [3, 12],
  ] as const;
  return sizes.map(([batch, tokens]) => ({
    x: randomTensor([batch, tokens, 6], "x"),
    table: randomTensor([12, 4], "t"),
  }));
}

test("every case runs at every size", () => {
  for (const run of Object.values(symbolicCases)) {
    for (const inputs of openSizes()) expect(Object.keys(run(inputs))).not.toEqual([]);
  }
});
