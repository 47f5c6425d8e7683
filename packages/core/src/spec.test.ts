import { dispose, memory, type Tensor } from "@tensorflow/tfjs-core";
import { tensorsLeftBy } from "@clip-ts/test-utils";
import { expect, test } from "vitest";
import {
  countParams,
  initHostParams,
  initParams,
  normal,
  ones,
  param,
  sizeOf,
  uniform,
  withTraits,
  zeros,
} from "./spec.ts";
import { flattenTree } from "./tree.ts";

const spec = {
  first: { weight: param([3, 4], normal(0.5), "matrix"), bias: param([3], zeros, "bias") },
  second: { weight: param([2, 5], uniform(0.1), "matrix") },
};

async function draw(tree: object, seed: number): Promise<Record<string, number[]>> {
  const leaves = Object.entries(flattenTree<Tensor>(initParams(tree, seed)));
  const values = await Promise.all(leaves.map(async ([path, leaf]) => [path, Array.from(await leaf.data())]));
  dispose(leaves.map(([, leaf]) => leaf));
  return Object.fromEntries(values) as Record<string, number[]>;
}

test("the same seed draws the same values, another seed others", async () => {
  const drawn = await draw(spec, 1);
  expect(await draw(spec, 1)).toEqual(drawn);
  const other = await draw(spec, 2);
  expect(other["first.weight"]).not.toEqual(drawn["first.weight"]);
});

test("on the host the values are the same, and no tensor is made", async () => {
  const before = memory().numTensors;
  const host = initHostParams(spec, 1);
  expect(memory().numTensors).toBe(before);
  const values = Object.entries(host).map(([path, { data }]) => [path, Array.from(data)]);
  expect(Object.fromEntries(values)).toEqual(await draw(spec, 1));
  expect(host["second.weight"]?.shape).toEqual([2, 5]);
});

test("adding a layer changes no other weight", async () => {
  const drawn = await draw(spec, 1);
  const added = { zeroth: { weight: param([7], normal(1), "matrix") }, ...spec };
  expect(await draw(added, 1)).toMatchObject(drawn);
});

test("leaves of one shape differ from each other", async () => {
  const pair = [param([6], normal(1), "matrix"), param([6], normal(1), "matrix")];
  const drawn = await draw({ layers: pair }, 1);
  expect(drawn["layers.0"]).not.toEqual(drawn["layers.1"]);
});

test("a normal start has the deviation asked for and mean 0", async () => {
  const { weight = [] } = await draw({ weight: param([200, 100], normal(0.02), "matrix") }, 5);
  const mean = weight.reduce((sum, value) => sum + value, 0) / weight.length;
  const square = weight.reduce((sum, value) => sum + value ** 2, 0) / weight.length;
  expect(Math.abs(mean)).toBeLessThan(0.0005);
  expect(Math.abs(Math.sqrt(square) / 0.02 - 1)).toBeLessThan(0.02);
});

test("a uniform start fills ± bound evenly", async () => {
  const { weight = [] } = await draw({ weight: param([20_000], uniform(0.3), "matrix") }, 5);
  const largest = Math.max(...weight.map(Math.abs));
  expect(largest).toBeLessThanOrEqual(Math.fround(0.3));
  expect(largest).toBeGreaterThan(0.29);
  const square = weight.reduce((sum, value) => sum + value ** 2, 0) / weight.length;
  expect(Math.abs(Math.sqrt(square) / (0.3 / Math.sqrt(3)) - 1)).toBeLessThan(0.02);
});

test("constants start as told, scalars too", async () => {
  const constants = {
    gain: param([2], ones, "norm"),
    scale: param([], { kind: "constant", value: 2.5 }, "scale"),
  };
  expect(await draw(constants, 0)).toEqual({ gain: [1, 1], scale: [2.5] });
});

test("counts values of specs and of tensors alike", () => {
  expect(sizeOf([])).toBe(1);
  expect(sizeOf([2, 3, 4])).toBe(24);
  expect(countParams(spec)).toBe(12 + 3 + 10);
  const params = initParams(spec, 0);
  expect(countParams(params)).toBe(25);
  dispose(Object.values(flattenTree<Tensor>(params)));
});

test("makes one tensor for each leaf", async () => {
  let params: object = {};
  const left = await tensorsLeftBy(() => {
    params = initParams(spec, 0);
  });
  expect(left).toBe(3);
  dispose(Object.values(flattenTree<Tensor>(params)));
});

test("traits are added to every leaf of a tree, those of parts staying", () => {
  const part = { ...spec, first: withTraits(spec.first, { layer: "mlp" }) };
  const leaves = flattenTree<object>(withTraits(part, { depth: 2 }));
  expect(leaves["first.bias"]).toEqual({
    ...spec.first.bias,
    layer: "mlp",
    depth: 2,
  });
  expect(leaves["second.weight"]).toEqual({ ...spec.second.weight, depth: 2 });
});
