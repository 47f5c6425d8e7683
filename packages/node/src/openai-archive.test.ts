import { fileURLToPath } from "node:url";
import { flattenTree } from "@clip-ts/core";
import { forwardDetails } from "@clip-ts/model";
import { largestDifference } from "@clip-ts/test-utils";
import { openSafetensors, readAll, toFloat32, toInt32 } from "@clip-ts/weights";
import { dispose, tensor, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { openFile } from "@clip-ts/files";
import { closing, loadModelParams } from "@clip-ts/inference";
import { openModel } from "./open-model.ts";

const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));

test("OpenAI's archive opens without any config and computes what open_clip computes", async () => {
  const model = fixture("openai-archive.pt");
  const { config, tokenizer, missingTokenizer } = await openModel(model);
  expect(config).toMatchObject({
    projectionDim: 16,
    vision: { width: 64, heads: 1, imageSize: 16, patchSize: 8, activation: "quick_gelu" },
    text: { vocabSize: 520, contextLength: 8, endTokenId: 519, activation: "quick_gelu" },
  });
  // OpenAI's own have 49,408 ids; which words a smaller vocabulary stands for, nothing says.
  expect(tokenizer).toBeUndefined();
  expect(missingTokenizer?.reason).toContain("520");
  const source = await openFile(fixture("openai-archive.safetensors"));
  const stored = await readAll(await openSafetensors(source));
  await source.close();
  const { pixel_values: pixels, input_ids: ids } = stored;
  const inputs = {
    pixelValues: tensor(toFloat32(pixels!), [...pixels!.shape]),
    inputIds: tensor(toInt32(ids!), [...ids!.shape], "int32"),
  };
  const params = await closing(await openModel(model), loadModelParams);
  const { imageFeatures, textFeatures } = forwardDetails(params, inputs, config);
  for (const [name, features] of Object.entries({
    image_embeds: imageFeatures,
    text_embeds: textFeatures,
  })) {
    const actual = await features!.data<"float32">();
    expect(largestDifference(actual, toFloat32(stored[name]!)), name).toBeLessThan(1e-5);
  }
  dispose(flattenTree<Tensor>(params));
});
