import { randomStream } from "@clip-ts/base";
import { tensorsLeftBy } from "@clip-ts/test-utils";
import { tensor, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { createClip } from "./clip.ts";
import { eagerEmbedder, embedImages, type Embedder } from "./embed.ts";
import { preset } from "./presets.ts";
import { initClip } from "./spec.ts";

const config = preset("nano");
const { endTokenId } = config.text;

test("the eager embedder computes what the towers compute, and frees what it owns", async () => {
  const random = randomStream(4, "pixels");
  const pixels = Float32Array.from({ length: 2 * 3 * 8 * 8 }, () => random.normal());
  const left = await tensorsLeftBy(async () => {
    const params = initClip(config, 1);
    const expected = tidy(() => embedImages(params, tensor(pixels, [2, 3, 8, 8]), config));
    const reference = await expected.data();
    expected.dispose();
    const embedder = await eagerEmbedder(params, config);
    expect(await embedder.images(pixels, 2)).toEqual(reference);
    expect(embedder.logitScale).toBeCloseTo(Math.log(1 / 0.07), 6);
    embedder.dispose();
  });
  expect(left).toBe(0);
});

test("a caption that comes twice is computed once, and every row is its caption's", async () => {
  const seen: number[] = [];
  const inner = await eagerEmbedder(initClip(config, 2), config);
  const counting: Embedder = {
    ...inner,
    texts(texts) {
      seen.push(texts.batch);
      return inner.texts(texts);
    },
  };
  const clip = await createClip<never>({
    config,
    model: counting,
    tokenize: (texts) => ({
      inputIds: Int32Array.from(texts.flatMap((text) => [text.length, endTokenId])),
      batch: texts.length,
      tokens: 2,
    }),
    preprocess: () => new Float32Array(),
    batchSize: 2,
  });
  const { values, rows, dim } = await clip.embedTexts(["a", "bb", "a", "ccc", "bb"]);
  expect([rows, seen]).toEqual([5, [2, 1]]);
  const row = (index: number): Float32Array => values.slice(index * dim, (index + 1) * dim);
  expect(row(2)).toEqual(row(0));
  expect(row(4)).toEqual(row(1));
  expect(row(3)).not.toEqual(row(0));
  const [alone] = [await clip.embedTexts(["ccc"])];
  expect(Array.from(row(3))).toEqual(Array.from(alone.values).map((value) => expect.closeTo(value, 5)));
  clip.dispose();
});
