import { valueAndGradient } from "@clip-ts/core";
import { createOptimizer } from "@clip-ts/optim";
import { largestDifference, randomTensor, trainOn } from "@clip-ts/test-utils";
import { add, matMul, mean, square, sub, type Tensor } from "@tensorflow/tfjs-core";
import * as runtime from "onnxruntime-node";
import { expect, test } from "vitest";
import { onnxTarget } from "./compile-onnx.ts";
import { chunksOf, layOutLeaves } from "../../jit/src/program/flat-state.ts";
import { flatLoader, type HostArrays, interpretTarget, type Target } from "@clip-ts/jit";

test("a leaf that is updated as a whole is a group of its own and is not cut", () => {
  const shapes: Record<string, number[]> = { a: [10], b: [6, 4], c: [10], d: [6, 4] };
  const leaves = Object.fromEntries(Object.keys(shapes).map((path) => [path, { rate: 1 }]));
  const { groups } = layOutLeaves(leaves, (path) => shapes[path]!, new Set(["b", "d"]));
  const spans = chunksOf(groups, 16).map(({ group, start, end }) => [start, end, group.shape]);
  expect(spans).toEqual([
    [0, 16, undefined],
    [16, 32, undefined],
    [32, 56, [6, 4]],
    [64, 88, [6, 4]],
  ]);
});

const roleOf = (shape: readonly number[]): "matrix" | "bias" => (shape.length === 2 ? "matrix" : "bias");
const shapes = {
  "up.weight": [6, 4],
  "up.bias": [6],
  "gate.weight": [6, 4],
  "down.weight": [3, 6],
};
const start = Object.fromEntries(Object.entries(shapes).map(([path, shape]) => [path, randomTensor(shape, path)]));
const specs = Object.fromEntries(Object.entries(shapes).map(([path, shape]) => [path, { shape, role: roleOf(shape) }]));
const targets: Readonly<Record<string, Target>> = {
  onnx: onnxTarget({ runtime, threads: 1 }),
  interpreted: interpretTarget,
};

/** The mean square of (x·(up + gate)ᵀ + bias)·downᵀ. */
function gradientOf(params: Readonly<Record<string, Tensor>>, x: Tensor) {
  const { value, gradient } = valueAndGradient((tree: Readonly<Record<string, Tensor>>) => {
    const up = add(tree["up.weight"]!, tree["gate.weight"]!);
    const hidden = add(matMul(x, up, false, true), tree["up.bias"]!);
    const y = matMul(hidden, tree["down.weight"]!, false, true);
    return { loss: mean(square(sub(y, 1))) };
  }, params);
  return { loss: value, grads: gradient as Record<string, Tensor> };
}

const toHost = (tensors: Readonly<Record<string, Tensor>>): HostArrays =>
  Object.fromEntries(
    Object.entries(tensors).map(([path, leaf]) => [path, { data: leaf.dataSync() as Float32Array, shape: leaf.shape }]),
  );

test.each(Object.keys(targets))("Muon compiled moves as Muon does eagerly (%s)", async (name) => {
  const optimizer = createOptimizer({ kind: "muon", weightDecay: 0.2 }, specs);
  expect(optimizer.matrices).toEqual(new Set(["up.weight", "gate.weight", "down.weight"]));
  const program = await trainOn(flatLoader(targets[name]!), {
    params: toHost(start),
    leaves: Object.fromEntries(
      Object.entries(optimizer.leaves).map(([path, leaf]) => [
        path,
        { ...leaf, isMatrix: Number(optimizer.matrices.has(path)) },
      ]),
    ),
    slots: optimizer.slots,
    whole: optimizer.matrices,
    gradient: (params, { x }) => gradientOf(params, x as Tensor),
    update: ({ settings: { isMatrix, ...settings }, ...leaf }) =>
      optimizer.updateLeaf({ ...leaf, ...settings, isMatrix: isMatrix === 1 }),
  });
  let state = {
    params: Object.fromEntries(Object.entries(start).map(([path, leaf]) => [path, leaf.clone()])),
    slots: optimizer.init(),
  };
  for (let step = 0; step < 4; step++) {
    const x = randomTensor([5, 4], `batch ${step}`);
    const scalars = optimizer.scalars(step, 0.05);
    await program.run({ x: { data: x.dataSync() as Float32Array, shape: [5, 4] } }, scalars);
    const { grads } = gradientOf(state.params, x);
    state = optimizer.update({ ...state, grads, scalars });
  }
  const { params, slots } = await program.readState();
  for (const path of Object.keys(shapes)) {
    const moved = largestDifference(params[path]!.data, state.params[path]!.dataSync());
    expect(moved, path).toBeLessThan(2e-5);
    const kept = state.slots["first"]![path]!.dataSync();
    expect(largestDifference(slots["first"]![path]!.data, kept), path).toBeLessThan(2e-5);
  }
  await program.dispose();
});
