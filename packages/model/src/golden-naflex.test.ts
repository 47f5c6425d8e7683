import { unflattenLike } from "@clip-ts/core";
import { goldenArrays, goldenJson, goldenTensors, relativeError, useEngine } from "@clip-ts/test-utils";
import { placeLength, pixelForm, visionTower } from "@clip-ts/vision-encoder";
import { concat, slice, tensor, tidy, zeros, type Tensor } from "@tensorflow/tfjs-core";
import { afterAll, expect, test } from "vitest";
import { formatClipConfig, parseClipConfig } from "./config-files/hugging-face.ts";
import { embedImages } from "./embed.ts";
import { forward, forwardDetails, lossGradients } from "./forward.ts";
import { clipSpec, type ClipParams } from "./spec.ts";

afterAll(() => useEngine("cpu"));

const config = parseClipConfig(goldenJson("naflex/config.json"));
const io = goldenArrays("naflex/io.safetensors");
const expected = (name: string): Float32Array | Int32Array => io[name]!.values;

/** The model of the fixture, and its pictures as the tower reads them. */
function load(): { params: ClipParams; batch: { pixelValues: Tensor; inputIds: Tensor } } {
  const given = goldenTensors("naflex/io.safetensors");
  const params = unflattenLike(clipSpec(config), goldenTensors("naflex/model.safetensors")) as ClipParams;
  const pixelValues = tidy(() => pixelForm(config.vision).published!.read(given));
  return { params, batch: { pixelValues, inputIds: given["input_ids"]! } };
}

test("transformers' mask and shapes become the places of patches", async () => {
  const { batch } = load();
  const [, , row] = io["pixel_values"]!.shape;
  const places = (await slice(batch.pixelValues, [2, 0, row!], [1, -1, placeLength]).array()) as number[][][];
  expect(places[0]!.slice(0, 5)).toEqual([
    [0, 0, 6, 3],
    [0, 1, 6, 3],
    [0, 2, 6, 3],
    [1, 0, 6, 3],
    [1, 1, 6, 3],
  ]);
  const last = (await slice(batch.pixelValues, [1, 13, row!], [1, 2, placeLength]).array()) as number[][][];
  expect(last[0]).toEqual([
    [1, 6, 2, 7],
    [0, 0, 0, 0],
  ]);
});

for (const engine of ["cpu", "wasm"] as const) {
  test(`NaFlex: features, logits and loss equal transformers' (${engine})`, async () => {
    await useEngine(engine);
    const { params, batch } = load();
    const { imageFeatures, textFeatures, logitsPerImage, loss } = forward(params, batch, config);
    for (const [found, name] of [
      [imageFeatures, "image_embeds"],
      [textFeatures, "text_embeds"],
      [logitsPerImage, "logits_per_image"],
      [loss, "loss"],
    ] as const) {
      expect(relativeError(await found.data(), expected(name)), name).toBeLessThan(1e-5);
    }
  });

  test(`NaFlex: the gradient of every parameter equals transformers' (${engine})`, async () => {
    await useEngine(engine);
    const { params, batch } = load();
    const { gradients } = lossGradients(params, batch, config);
    const reference = goldenArrays("naflex/grads.safetensors");
    expect(Object.keys(gradients).toSorted()).toEqual(Object.keys(reference).toSorted());
    for (const [path, { values }] of Object.entries(reference)) {
      expect(relativeError(await gradients[path]!.data(), values, 1e-3), path).toBeLessThan(1e-4);
    }
  });
}

test("a picture gives the same with more padding, and beside others", async () => {
  await useEngine("cpu");
  const { params, batch } = load();
  const [, patches, row] = batch.pixelValues.shape;
  const together = (await embedImages(params, batch.pixelValues, config).array()) as number[][];
  for (const [at, count] of [16, 14, 18, 5].entries()) {
    const own = slice(batch.pixelValues, [at, 0, 0], [1, count, -1]);
    const alone = await embedImages(params, own, config).data();
    expect(relativeError(alone, together[at]!)).toBeLessThan(2e-6);
    const wide = concat([own, zeros([1, patches! + 9 - count, row!])], 1);
    expect(relativeError(await embedImages(params, wide, config).data(), alone)).toBeLessThan(2e-6);
  }
});

test("a row of padding alone gives numbers", async () => {
  await useEngine("cpu");
  const { params } = load();
  const features = await embedImages(params, zeros([1, 3, 52]), config).data();
  expect(features.every(Number.isFinite)).toBe(true);
});

test("the tokens of patches are transformers'", async () => {
  await useEngine("cpu");
  const { params, batch } = load();
  const { imageLastHidden } = forwardDetails(params, { pixelValues: batch.pixelValues }, config);
  expect(imageLastHidden!.shape).toEqual([4, 18, 24]);
});

test("the config is written as transformers reads it", () => {
  const written = formatClipConfig(config);
  expect(parseClipConfig(written)).toEqual(config);
  expect(written).toMatchObject({
    model_type: "siglip2",
    vision_config: { model_type: "siglip2_vision_model", num_patches: 16, patch_size: 4 },
  });
  expect(visionTower(config.vision).describe(config.vision)).toBe(
    "NaFlex ViT, 2 layers, width 24, 2 heads, patches of 4, positions of 4 by 4",
  );
});

test("clip-ts's own form says the tower too", () => {
  const mine = { ...config, vision: { ...config.vision, layerScale: 0.1 } };
  const written = formatClipConfig(mine);
  expect(written["model_type"]).toBe("clip-ts");
  expect(parseClipConfig(written)).toEqual(mine);
});

test("a table that is no square is refused", () => {
  const json = goldenJson("naflex/config.json") as { vision_config: object };
  const vision = { ...json.vision_config, num_patches: 15 };
  expect(() => parseClipConfig({ ...json, vision_config: vision })).toThrow(/num_patches.*square/u);
});

test("pixels that are no rows of patches are refused", () => {
  const { params } = load();
  expect(() => embedImages(params, tensor(new Float32Array(48), [1, 3, 4, 4]), config)).toThrow(/pixel values/u);
});
