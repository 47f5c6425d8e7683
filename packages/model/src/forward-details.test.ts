import { unflattenLike } from "@clip-ts/core";
import { goldenArrays, goldenJson, goldenTensors, relativeError, tensorsLeftBy } from "@clip-ts/test-utils";
import { dispose, slice, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { forwardDetails, type ForwardDetails } from "./forward.ts";
import { parseClipConfig } from "./config-files/hugging-face.ts";
import { clipSpec, type ClipParams } from "./spec.ts";

const config = parseClipConfig(goldenJson("clip-vit/config.json"));
const weights = goldenTensors("clip-vit/model.safetensors");
const params = unflattenLike(clipSpec(config), weights) as ClipParams;
const { pixel_values: pixels, input_ids: ids } = goldenTensors("clip-vit/io.safetensors");
const [pixelValues, inputIds] = [pixels!, ids!];
const expected = goldenArrays("clip-vit/io.safetensors");

const names: Record<Exclude<keyof ForwardDetails, "statistics">, string> = {
  imageFeatures: "image_embeds",
  imageLastHidden: "image_last_hidden",
  textFeatures: "text_embeds",
  textLastHidden: "text_last_hidden",
  logitsPerImage: "logits_per_image",
  loss: "loss",
};

async function check(details: ForwardDetails): Promise<void> {
  for (const [key, tensor] of Object.entries(details) as [keyof typeof names, Tensor][]) {
    const name = names[key];
    expect(relativeError(await tensor.data(), expected[name]!.values), name).toBeLessThan(1e-5);
  }
}

test("every output equals Hugging Face's, and only outputs are left behind", async () => {
  let details: ForwardDetails = {};
  const left = await tensorsLeftBy(() => {
    details = forwardDetails(params, { pixelValues, inputIds }, config);
  });
  expect(Object.keys(details).toSorted()).toEqual(Object.keys(names).toSorted());
  expect(left).toBe(6);
  await check(details);
  dispose(Object.values(details) as Tensor[]);
});

test("one kind of input gives that side's outputs", async () => {
  const image = forwardDetails(params, { pixelValues }, config);
  expect(Object.keys(image).toSorted()).toEqual(["imageFeatures", "imageLastHidden"]);
  await check(image);
  const text = forwardDetails(params, { inputIds }, config);
  expect(Object.keys(text).toSorted()).toEqual(["textFeatures", "textLastHidden"]);
  await check(text);
});

test("more captions than images have logits but no loss", () => {
  const few = slice(pixelValues, [0, 0, 0, 0], [2, -1, -1, -1]);
  const details = forwardDetails(params, { pixelValues: few, inputIds }, config);
  expect(details.logitsPerImage?.shape).toEqual([2, 6]);
  expect(details.loss).toBeUndefined();
});
