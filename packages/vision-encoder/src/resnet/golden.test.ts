import { flattenTree, isStatistic, unflattenLike, valueAndGradient, type ParamSpec } from "@clip-ts/core";
import { goldenArrays, goldenTensors, largestDifference, relativeError, useEngine } from "@clip-ts/test-utils";
import { dispose, exp, mean, square, type Tensor } from "@tensorflow/tfjs-core";
import { afterAll, expect, test } from "vitest";
import type { ResNetConfig } from "../config.ts";
import { contrastiveLoss, unit } from "../contrast.test.ts";
import { encodeImage } from "../towers.ts";
import { resNetSpec, type ResNetParams } from "./resnet.ts";

/** What open_clip's folder of the reference model says. */
const config: ResNetConfig = {
  kind: "resnet",
  imageSize: 64,
  channels: 3,
  layers: [1, 2, 1, 1],
  width: 8,
  heads: 32, // 32 · width / head_width
  outputDim: 40,
};
const specs = flattenTree<ParamSpec>(resNetSpec(config));
const expected = goldenArrays("clip-resnet/io.safetensors");
const visual = <Value>(named: Readonly<Record<string, Value>>): Record<string, Value> =>
  Object.fromEntries(
    Object.entries(named)
      .filter(([name]) => name.startsWith("visual."))
      .map(([name, value]) => [name.slice("visual.".length), value]),
  );

function load() {
  const weights = goldenTensors("clip-resnet/open_clip_model.safetensors");
  const inputs = goldenTensors("clip-resnet/io.safetensors");
  const leaves = visual(weights);
  return {
    leaves,
    params: unflattenLike(resNetSpec(config), leaves) as ResNetParams,
    scale: exp(weights["logit_scale"] as Tensor),
    pixels: inputs["pixel_values"] as Tensor,
    text: inputs["text_embeds"] as Tensor,
  };
}

afterAll(() => useEngine("cpu"));

for (const engine of ["cpu", "wasm"] as const) {
  test.each([false, true])(`outputs equal open_clip's (${engine}, training %s)`, async (training) => {
    await useEngine(engine);
    const { params, pixels } = load();
    const { pooled, lastHidden, statistics } = encodeImage(params, pixels, config, { training });
    const name = training ? "image_embeds_train" : "image_embeds_eval";
    expect(largestDifference(await unit(pooled).data(), expected[name]!.values)).toBeLessThan(1e-5);
    expect(lastHidden.shape).toEqual([4, 4, 256]);
    const after = training ? visual(goldenArrays("clip-resnet/running-after.safetensors")) : {};
    expect(Object.keys(statistics).toSorted()).toEqual(Object.keys(after).toSorted());
    for (const [path, { values }] of Object.entries(after)) {
      const actual = await (statistics[path] as Tensor).data();
      expect(largestDifference(actual, values), path).toBeLessThan(1e-5);
    }
  });

  test.each([false, true])(
    `the gradient of every parameter equals PyTorch's (${engine}, checkpointed %s)`,
    async (checkpoint) => {
      await useEngine(engine);
      const { leaves, pixels, text, scale } = load();
      const trained = Object.fromEntries(Object.entries(leaves).filter(([path]) => !isStatistic(specs[path]!)));
      const { value, gradient, aux } = valueAndGradient((named: Record<string, Tensor>) => {
        const params = unflattenLike(resNetSpec(config), { ...leaves, ...named }) as ResNetParams;
        const options = { training: true, checkpoint };
        const { pooled, statistics } = encodeImage(params, pixels, config, options);
        return { loss: contrastiveLoss(pooled, text, scale), aux: statistics };
      }, trained);
      expect((await value.data())[0]).toBeCloseTo(expected["loss_train"]!.values[0]!, 4);
      const references = visual(goldenArrays("clip-resnet/grads.safetensors"));
      const gradients = flattenTree<Tensor>(gradient);
      expect(Object.keys(gradients).toSorted()).toEqual(Object.keys(references).toSorted());
      for (const [path, reference] of Object.entries(references)) {
        const actual = await (gradients[path] as Tensor).data();
        // Softmax is blind to a key's bias: its gradient is rounding noise around 0.
        expect(relativeError(actual, reference.values, 1e-3), path).toBeLessThan(1e-4);
      }
      const after = visual(goldenArrays("clip-resnet/running-after.safetensors"));
      for (const [path, { values }] of Object.entries(after)) {
        const actual = await (aux as Record<string, Tensor>)[path]!.data();
        expect(largestDifference(actual, values), path).toBeLessThan(1e-5);
      }
      dispose([value, ...Object.values(gradients), ...Object.values(aux ?? {})]);
    },
  );

  test(`frozen statistics: gradients in evaluation equal PyTorch's (${engine})`, async () => {
    await useEngine(engine);
    const { leaves, pixels } = load();
    const references = visual(goldenArrays("clip-resnet/frozen-grads.safetensors"));
    const trained = Object.fromEntries(Object.keys(references).map((path) => [path, leaves[path] as Tensor]));
    const { value, gradient } = valueAndGradient((named: Record<string, Tensor>) => {
      const params = unflattenLike(resNetSpec(config), { ...leaves, ...named }) as ResNetParams;
      return { loss: mean(square(encodeImage(params, pixels, config).pooled)) };
    }, trained);
    const gradients = flattenTree<Tensor>(gradient);
    for (const [path, { values }] of Object.entries(references)) {
      expect(relativeError(await gradients[path]!.data(), values), path).toBeLessThan(1e-4);
    }
    dispose([value, ...Object.values(gradients)]);
  });
}
