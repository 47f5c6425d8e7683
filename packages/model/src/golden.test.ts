import { flattenTree, unflattenLike, valueAndGradient } from "@clip-ts/core";
import { encodeText } from "@clip-ts/text-encoder";
import { encodeImage } from "@clip-ts/vision-encoder";
import {
  goldenArrays,
  goldenJson,
  goldenTensors,
  largestDifference,
  relativeError,
  tensorsLeftBy,
  useEngine,
} from "@clip-ts/test-utils";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";
import { afterAll, expect, test } from "vitest";
import { forward, type ClipOutput } from "./forward.ts";
import { parseClipConfig } from "./config-files/hugging-face.ts";
import type { PairBatch } from "./pairs.ts";
import { clipSpec, type ClipParams } from "./spec.ts";

const config = parseClipConfig(goldenJson("clip-vit/config.json"));
const expected = goldenArrays("clip-vit/io.safetensors");
const expectedGradients = goldenArrays("clip-vit/grads.safetensors");
const values = (name: string): Float32Array | Int32Array => expected[name]!.values;

function load(): { params: ClipParams; batch: PairBatch } {
  const weights = goldenTensors("clip-vit/model.safetensors");
  const inputs = goldenTensors("clip-vit/io.safetensors");
  const { pixel_values: pixelValues, input_ids: inputIds, ...unused } = inputs;
  dispose(Object.values(unused));
  return {
    params: unflattenLike(clipSpec(config), weights) as ClipParams,
    batch: { pixelValues: pixelValues!, inputIds: inputIds! },
  };
}

afterAll(() => useEngine("cpu"));

for (const engine of ["cpu", "wasm"] as const) {
  test(`outputs equal Hugging Face's CLIPModel (${engine})`, async () => {
    await useEngine(engine);
    const { params, batch } = load();
    const output = forward(params, batch, config);
    const pairs: [Tensor, string][] = [
      [output.imageFeatures, "image_embeds"],
      [output.textFeatures, "text_embeds"],
      [output.loss, "loss"],
      [encodeImage(params.vision_model, batch.pixelValues, config.vision).lastHidden, "image_last_hidden"],
      [encodeText(params.text_model, batch.inputIds, config.text).lastHidden, "text_last_hidden"],
    ];
    for (const [tensor, name] of pairs) {
      expect(largestDifference(await tensor.data(), values(name)), name).toBeLessThan(1e-5);
    }
    // Logits are cosines times 14: judged relative to that factor.
    const logits = await output.logitsPerImage.data();
    expect(relativeError(logits, values("logits_per_image"))).toBeLessThan(1e-5);
  });

  test(`the gradient of every parameter equals PyTorch's (${engine})`, async () => {
    await useEngine(engine);
    const { params, batch } = load();
    const { gradient } = valueAndGradient((tree: ClipParams) => ({ loss: forward(tree, batch, config).loss }), params);
    const gradients = flattenTree<Tensor>(gradient);
    expect(Object.keys(gradients).toSorted()).toEqual(Object.keys(expectedGradients).toSorted());
    for (const [path, reference] of Object.entries(expectedGradients)) {
      const actual = await gradients[path]!.data();
      // Softmax is blind to a key's bias: its gradient is rounding noise around 0.
      expect(relativeError(actual, reference.values, 1e-3), path).toBeLessThan(1e-4);
    }
  });
}

test("a forward and backward pass leaves only its outputs behind", async () => {
  const { params, batch } = load();
  let output: ClipOutput | undefined;
  const left = await tensorsLeftBy(() => {
    output = forward(params, batch, config);
  });
  const { statistics, ...tensors } = output!;
  expect(statistics).toEqual({});
  expect(left).toBe(Object.keys(tensors).length);
  const leaves = Object.keys(flattenTree(params)).length;
  const leftBackward = await tensorsLeftBy(() =>
    valueAndGradient((tree: ClipParams) => {
      const { loss, imageFeatures, textFeatures } = forward(tree, batch, config);
      return { loss, aux: { imageFeatures, textFeatures } };
    }, params),
  );
  expect(leftBackward).toBe(leaves + 3);
});
