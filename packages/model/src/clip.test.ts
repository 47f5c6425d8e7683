import { randomStream } from "@clip-ts/base";
import { largestDifference, tensorsLeftBy } from "@clip-ts/test-utils";
import { expect, test } from "vitest";
import { createClip, type Clip } from "./clip.ts";
import type { ClipConfig } from "./config.ts";
import { eagerEmbedder, type TokenizedTexts } from "./embed.ts";
import { preset } from "./presets.ts";
import { initClip } from "./spec.ts";

const config = preset("nano");

/** Characters as ids, padded to the longest text: enough of a tokenizer for a random model. */
function tokenize(texts: readonly string[]): TokenizedTexts {
  const { endTokenId, contextLength } = config.text;
  const startTokenId = endTokenId - 1;
  const rows = texts.map((text) => {
    const ids = Array.from(text.slice(0, contextLength - 2), (letter) => letter.charCodeAt(0) % 500);
    return [startTokenId, ...ids, endTokenId];
  });
  const tokens = Math.max(...rows.map((row) => row.length));
  const padded = rows.flatMap((row) => [...row, ...new Array<number>(tokens - row.length).fill(0)]);
  return { inputIds: Int32Array.from(padded), batch: rows.length, tokens };
}

/** An "image" is the seed of its pixels. */
function preprocess(image: number): Float32Array {
  const random = randomStream(image, "pixels");
  return Float32Array.from({ length: 3 * 8 * 8 }, () => random.normal());
}

async function openClip(batchSize?: number): Promise<Clip<number>> {
  const params = initClip(config, 3);
  return createClip({
    config,
    model: params,
    tokenize,
    preprocess,
    ...(batchSize === undefined ? {} : { batchSize }),
  });
}

const labels = ["cat", "a dog", "red", "house", "x"];

test("gives unit rows, the same in batches as one by one", async () => {
  const clip = await openClip(2);
  const texts = await clip.embedTexts(labels);
  const images = await clip.embedImages([1, 2, 3, 4, 5]);
  expect(texts).toMatchObject({ rows: 5, dim: 8 });
  expect(images).toMatchObject({ rows: 5, dim: 8 });
  for (let row = 0; row < 5; row++) {
    const one = await clip.embedTexts([labels[row]!]);
    expect(largestDifference(one.values, texts.values.slice(8 * row, 8 * row + 8))).toBeLessThan(1e-6);
    const alone = await clip.embedImages([row + 1]);
    expect(largestDifference(alone.values, images.values.slice(8 * row, 8 * row + 8))).toBeLessThan(1e-6);
    expect(Math.hypot(...one.values)).toBeCloseTo(1, 5);
    expect(Math.hypot(...alone.values)).toBeCloseTo(1, 5);
  }
  clip.dispose();
});

test("nothing in, nothing out", async () => {
  const clip = await openClip();
  expect(await clip.embedTexts([])).toMatchObject({ rows: 0 });
  expect(await clip.embedImages([])).toMatchObject({ rows: 0 });
  clip.dispose();
});

test("classifying ranks the labels by their cosine with the image", async () => {
  const clip = await openClip();
  expect(clip.logitScale).toBeCloseTo(1 / 0.07, 3);
  const templates = ["{}", "the {}"];
  const ranking = await clip.classify(7, labels, { templates });
  expect(ranking.map(({ label }) => label).toSorted()).toEqual(labels.toSorted());
  const shares = ranking.map(({ probability }) => probability);
  expect(shares).toEqual(shares.toSorted((a, b) => b - a));
  expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 5);
  const [first, second] = ranking as [(typeof ranking)[0], (typeof ranking)[0]];
  const ratio = Math.exp(clip.logitScale * (first.similarity - second.similarity));
  expect(first.probability / second.probability).toBeCloseTo(ratio, 3);

  const image = (await clip.embedImages([7])).values;
  const prompts = (await clip.embedTexts([first.label, `the ${first.label}`])).values;
  const mean = Array.from({ length: 8 }, (_, k) => prompts[k]! + prompts[8 + k]!);
  const cosine = mean.reduce((sum, value, k) => sum + value * image[k]!, 0) / Math.hypot(...mean);
  expect(first.similarity).toBeCloseTo(cosine, 5);
  for (const { score, probability } of ranking) expect(score).toBe(probability);
  clip.dispose();
});

test("a model of the sigmoid loss judges each label alone", async () => {
  const sigmoid: ClipConfig = { ...config, loss: { kind: "sigmoid" }, initialLogitBias: -3 };
  const clip = await createClip({
    config: sigmoid,
    model: initClip(sigmoid, 3),
    tokenize,
    preprocess: () => new Float32Array(3 * 8 * 8).fill(0.5),
  });
  expect(clip.logitBias).toBe(-3);
  for (const { probability, score, similarity } of await clip.classify(7, labels)) {
    expect(probability).toBeCloseTo(1 / (1 + Math.exp(3 - clip.logitScale * similarity)), 5);
    expect(score).toBe(probability);
  }
  clip.dispose();
});

test("without templates, labels stand in a plain sentence", async () => {
  const clip = await openClip();
  const plain = await clip.classify(7, labels);
  expect(plain).toEqual(await clip.classify(7, labels, { templates: ["a photo of a {}."] }));
  clip.dispose();
});

test("a preprocessor of another size is told apart", async () => {
  const clip = await createClip({
    config,
    model: initClip(config, 3),
    tokenize,
    preprocess: (size: number) => new Float32Array(size),
  });
  await expect(clip.embedImages([10])).rejects.toThrow(
    "The model wants images of [3, 8, 8], but preprocessing gave 10 values.",
  );
  clip.dispose();
});

test.each([0, -1, 1.5])("a batch size of %s is refused", async (batchSize) => {
  await expect(openClip(batchSize)).rejects.toThrow("batch size");
});

test("using a handle leaves nothing behind, and disposing frees the model", async () => {
  const left = await tensorsLeftBy(async () => {
    const clip = await openClip();
    const used = await tensorsLeftBy(() => clip.classify(1, labels));
    expect(used).toBe(0);
    clip.dispose();
  });
  expect(left).toBe(0);
});

test("a disposed handle and a disposed embedder say so, and what to do", async () => {
  const clip = await openClip();
  clip.dispose();
  clip.dispose();
  for (const use of [() => clip.embedImages([1]), () => clip.embedTexts(["cat"]), () => clip.classify(1, labels)]) {
    await expect(use()).rejects.toThrow(/^This model was disposed, .*Open it again/);
    await expect(use()).rejects.toMatchObject({ code: "disposed" });
  }
  const embedder = await eagerEmbedder(initClip(config, 3), config);
  embedder.dispose();
  const pixels = new Float32Array(3 * 8 * 8);
  await expect(embedder.images(pixels, 1)).rejects.toThrow(/^This embedder was disposed/);
  await expect(embedder.texts(tokenize(["cat"]))).rejects.toThrow(/^This embedder was disposed/);
});
