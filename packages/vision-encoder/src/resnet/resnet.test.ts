import { isClipError } from "@clip-ts/base";
import { flattenTree, initParams, isStatistic, mapTree, valueAndGradient, type ParamSpec } from "@clip-ts/core";
import { largestDifference, randomTensor, tensorsLeftBy } from "@clip-ts/test-utils";
import { abs, add, concat, gather, mean, square, tensor, tidy, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import type { ResNetConfig } from "../config.ts";
import { encodeImage } from "../towers.ts";
import { resNetSpec, type ResNetParams } from "./resnet.ts";

const config: ResNetConfig = {
  kind: "resnet",
  imageSize: 64,
  channels: 2,
  layers: [1, 1, 1, 2],
  width: 2,
  heads: 4,
  outputDim: 5,
};

/** Random leaves throughout: gains of 0 and statistics of 0 and 1 would hide faults. */
const params = mapTree(resNetSpec(config), ({ shape }: { shape: readonly number[] }, path): Tensor => {
  const values = randomTensor(shape, path);
  if (path.endsWith("running_var")) return add(abs(values), 0.5);
  return path.includes("conv") ? values : add(values, 0.5);
}) as unknown as ResNetParams;
const pixels = randomTensor([3, 2, 64, 64], "pixels");
const pooledOf = async (input: Tensor, training = false): Promise<Float32Array> => {
  const { pooled } = encodeImage(params, input, config, { training });
  return (await pooled.data()) as Float32Array;
};

function codeOf(run: () => unknown): string | undefined {
  try {
    run();
  } catch (error) {
    return isClipError(error) ? error.code : undefined;
  }
  return undefined;
}

test("an image becomes a feature and a map of its places", () => {
  const { pooled, lastHidden, statistics } = encodeImage(params, pixels, config);
  expect(pooled.shape).toEqual([3, 5]);
  expect(lastHidden.shape).toEqual([3, 4, 64]);
  expect(statistics).toEqual({});
});

test("permuting the batch permutes the features, in training too", async () => {
  const order = tensor([2, 0, 1], [3], "int32");
  for (const training of [false, true]) {
    const permuted = await pooledOf(gather(pixels, order), training);
    const expected = gather(encodeImage(params, pixels, config, { training }).pooled, order);
    const scale = Math.max(...(await abs(expected).data()));
    expect(largestDifference(permuted, await expected.data())).toBeLessThan(1e-5 * scale);
  }
});

test("in evaluation an image does not depend on its batch, in training it does", async () => {
  const first = gather(pixels, tensor([0], [1], "int32"));
  const pair = concat([first, gather(pixels, tensor([2], [1], "int32"))], 0);
  const together = await pooledOf(pair);
  const alone = await pooledOf(first);
  const scale = Math.max(...alone.map(Math.abs));
  expect(largestDifference(together.subarray(0, 5), alone)).toBeLessThan(1e-5 * scale);
  const trained = await pooledOf(pair, true);
  const trainedAlone = await pooledOf(first, true);
  expect(largestDifference(trained.subarray(0, 5), trainedAlone)).toBeGreaterThan(1e-2);
});

test("a checkpointed step leaves only its results behind", async () => {
  const specs = Object.entries(flattenTree<ParamSpec>(resNetSpec(config)));
  const trained = specs.filter(([, leaf]) => !isStatistic(leaf)).map(([path]) => path);
  const statistics = Object.keys(flattenTree(params)).length - trained.length;
  const left = await tensorsLeftBy(() =>
    valueAndGradient((tree: ResNetParams) => {
      const options = { training: true, checkpoint: true };
      const seen = encodeImage(tree, pixels, config, options);
      return { loss: mean(square(seen.pooled)), aux: seen.statistics };
    }, params),
  );
  expect(left).toBe(1 + trained.length + 2 * statistics); // checkpoints give statistics a gradient of 0
  const evaluated = await tensorsLeftBy(() => tidy(() => encodeImage(params, pixels, config).pooled));
  expect(evaluated).toBe(1);
});

test("a fresh tower's blocks start as their shortcuts", () => {
  const { layer1, layer4 } = resNetSpec(config);
  expect(layer1[0]?.bn3.weight.init).toEqual({ kind: "constant", value: 0 });
  expect(layer1[0]?.downsample?.[1].weight.init).toEqual({ kind: "constant", value: 1 });
  expect(layer4.map(({ downsample }) => downsample !== undefined)).toEqual([true, false]);
  const drawn = initParams(resNetSpec(config), 1) as ResNetParams;
  expect(encodeImage(drawn, pixels, config).pooled.shape).toEqual([3, 5]);
});

test("sizes that the strides or the heads do not divide are refused", () => {
  expect(codeOf(() => resNetSpec({ ...config, imageSize: 48 }))).toBe("bad-config");
  expect(codeOf(() => resNetSpec({ ...config, heads: 3 }))).toBe("bad-config");
  expect(codeOf(() => encodeImage(params, randomTensor([1, 2, 32, 32]), config))).toBe("bad-shape");
});
