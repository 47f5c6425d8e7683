import { randomStream, sidesOf } from "@clip-ts/base";
import { createClip, initClip, preset, type Clip, type ImageJob } from "@clip-ts/model";
import { createClipTokenizer } from "@clip-ts/tokenizer";
import { expect, test } from "vitest";

const config = preset("nano");
const { vocabSize, contextLength } = config.text;
const tokenizer = createClipTokenizer({ vocabSize, contextLength });
const tokenize = (texts: readonly string[]) => tokenizer.encodeBatch(texts, { multiple: 8 });

/** A small CLIP with weights as they are drawn; an image is its pixels. */
export function nanoClip(): Promise<Clip<Float32Array>> {
  const model = initClip(config, 3);
  return createClip<Float32Array>({ config, model, tokenize, preprocess: (pixels) => pixels });
}

/** An image of noise about a brightness of its class. */
export function pixelsOf(seed: number, label = 0): Float32Array {
  const random = randomStream(seed, "pixels", label);
  const { channels, imageSize } = config.vision;
  return Float32Array.from({ length: channels * sidesOf(imageSize).height ** 2 }, () => label + random.normal());
}

/** An image that is there when its turn comes. */
export const readable = (seed: number, label = 0): ImageJob<Float32Array> => ({
  name: `${label}/${seed}.png`,
  load: () => Promise.resolve(pixelsOf(seed, label)),
});

/** One that cannot be read. */
export const broken: ImageJob<never> = {
  name: "broken.png",
  load: () => Promise.reject(new Error("broken.png is cut off")),
};

/** What procedures note of it. */
export const skippedBroken = { name: "broken.png", reason: "broken.png is cut off" } as const;

test("images and texts of the model for procedures differ", async () => {
  const clip = await nanoClip();
  const images = await clip.embedImages([pixelsOf(1), pixelsOf(2)]);
  expect(images.values.slice(0, images.dim)).not.toEqual(images.values.slice(images.dim));
  clip.dispose();
});
