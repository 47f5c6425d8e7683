import { flattenTree, unflattenLike, valueAndGradient } from "@clip-ts/core";
import { clipSpec, forward, initClip, preset, type ClipParams } from "@clip-ts/model";
import { clipByGlobalNorm, createOptimizer } from "@clip-ts/optim";
import { randomTensor, relativeError } from "@clip-ts/test-utils";
import { dispose, tensor, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { interpret } from "../ir/interpret.ts";
import { trace, type NamedTensors } from "../trace/trace.ts";
import { optimize } from "./optimize.ts";

const config = preset("nano");
const spec = clipSpec(config);
const optimizer = createOptimizer({ kind: "adamw" }, flattenTree(spec) as never);
const scalars = optimizer.scalars(0, 1e-3);

type Leaves = Record<string, Tensor>;

const prefixed = (prefix: string, tree: Readonly<Leaves>): Leaves =>
  Object.fromEntries(Object.entries(tree).map(([path, leaf]) => [`${prefix}:${path}`, leaf]));

/** Copies of the inputs under a prefix, by path: the optimiser consumes what it is given. */
function copies(inputs: NamedTensors, prefix: string): Leaves {
  const own = Object.entries(inputs).filter(([name]) => name.startsWith(`${prefix}:`));
  return Object.fromEntries(own.map(([name, leaf]) => [name.slice(prefix.length + 1), leaf.clone()]));
}

function step(inputs: NamedTensors): NamedTensors {
  const { pixelValues, inputIds } = inputs as { pixelValues: Tensor; inputIds: Tensor };
  const { value, gradient } = valueAndGradient(
    (leaves: ClipParams) => ({ loss: forward(leaves, { pixelValues, inputIds }, config).loss }),
    unflattenLike(spec, copies(inputs, "param")) as ClipParams,
  );
  const { grads, norm } = clipByGlobalNorm(flattenTree<Tensor>(gradient), 1);
  const { params, slots } = optimizer.update({
    params: copies(inputs, "param"),
    grads,
    slots: { first: copies(inputs, "first"), second: copies(inputs, "second") },
    scalars,
  });
  const moments = {
    ...prefixed("first", slots["first"] ?? {}),
    ...prefixed("second", slots["second"] ?? {}),
  };
  return { loss: value, norm, ...prefixed("param", params), ...moments };
}

test("a whole training step gives the same with a third fewer operations", async () => {
  const params = flattenTree<Tensor>(initClip(config, 3));
  const inputs: Leaves = {
    ...prefixed("param", params),
    ...prefixed("first", optimizer.init()["first"] ?? {}),
    ...prefixed("second", optimizer.init()["second"] ?? {}),
    pixelValues: randomTensor([3, 3, 8, 8], "pixels"),
    inputIds: tensor([598, 5, 599, 0, 598, 7, 8, 599, 598, 599, 0, 0], [3, 4], "int32"),
  };
  const traced = trace(step, inputs as never);
  const optimized = optimize(traced);
  expect(optimized.nodes.length).toBeLessThan((2 / 3) * traced.nodes.length);
  expect(optimized.nodes.filter(({ op }) => op === "Identity" || op === "ExpandDims")).toEqual([]);
  const fills = optimized.nodes.filter(({ op }) => op === "Fill");
  expect(fills.every(({ outputs }) => outputs[0]?.shape.length === 0)).toBe(true);

  const [expected, actual] = [interpret(traced, inputs), interpret(optimized, inputs)];
  expect(Object.keys(actual)).toEqual(Object.keys(expected));
  for (const [name, reference] of Object.entries(expected)) {
    const error = relativeError(await actual[name]!.data(), await reference.data());
    expect(error, name).toBeLessThan(1e-6);
  }
  dispose([actual, expected, inputs] as never);
});
