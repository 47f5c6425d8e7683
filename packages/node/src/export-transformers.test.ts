// Exported folders, loaded by the real @huggingface/transformers in Node.
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { WeightsDtype } from "@clip-ts/onnx";
import { goldenArrays, largestDifference, writeGoldenModel } from "@clip-ts/test-utils";
import {
  CLIPModel,
  CLIPTextModelWithProjection,
  CLIPVisionModelWithProjection,
  env,
  pipeline,
  RawImage,
  Tensor,
} from "@huggingface/transformers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openClip } from "./open-clip.ts";
import { exportOnnxFolder, type WrittenFile } from "./export-model.ts";
import { testPicture, writeTestModel } from "./test-model.test.ts";
import { transformersNames } from "@clip-ts/inference";

env.allowRemoteModels = false;

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "clip-ts-export-"));
});
afterAll(() => rm(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

const { input_ids: ids, pixel_values: pixels, ...golden } = goldenArrays("clip-vit/io.safetensors");
const given = {
  input_ids: new Tensor("int64", BigInt64Array.from(ids!.values, BigInt), [...ids!.shape]),
  pixel_values: new Tensor("float32", pixels!.values as Float32Array, [...pixels!.shape]),
};

const rawPicture = (): RawImage => {
  const { data, width, height, channels } = testPicture();
  return new RawImage(data, width, height, channels);
};

/** Rows of a matrix scaled to length 1, and the lengths they had. */
function unitRows({ data, dims }: Tensor): { rows: Float32Array; lengths: number[] } {
  const [count, width] = dims as [number, number];
  const rows = Float32Array.from(data as Float32Array);
  const lengths = Array.from({ length: count }, (_, row) => {
    const values = rows.subarray(row * width, (row + 1) * width);
    const length = Math.hypot(...values);
    values.forEach((value, index) => {
      values[index] = value / length;
    });
    return length;
  });
  return { rows, lengths };
}

/** The smallest cosine of two matrices' rows. */
function smallestCosine(left: Float32Array, right: Float32Array, width: number): number {
  const cosines = Array.from({ length: left.length / width }, (_, row) => {
    const at = row * width;
    const dot = (a: Float32Array, b: Float32Array): number =>
      a.subarray(at, at + width).reduce((sum, value, index) => sum + value * b[at + index]!, 0);
    return dot(left, right) / Math.sqrt(dot(left, left) * dot(right, right));
  });
  return Math.min(...cosines);
}

/** How far unit rows may be from Python's: what rounding to each precision leaves. */
const bounds = { f32: 1e-5, f16: 3e-3, q8: 0.05 } as const;
const cosines = { f32: 1 - 1e-6, f16: 1 - 1e-5, q8: 0.99 } as const;

describe.each(["f32", "f16", "q8"] as const)("the reference ViT in %s", (precision: WeightsDtype) => {
  const { dtype } = transformersNames[precision];
  beforeAll(async () => {
    const model = writeGoldenModel(at("golden"), "hf");
    await exportOnnxFolder(model, at(precision), { precisions: [precision] });
  });

  const expectRows = (actual: Float32Array, name: string): void => {
    const { values, shape } = golden[name]!;
    const expected = values as Float32Array;
    expect(largestDifference(actual, expected), name).toBeLessThan(bounds[precision]);
    expect(smallestCosine(actual, expected, shape.at(-1)!), name).toBeGreaterThan(cosines[precision]);
  };

  test("CLIPModel gives Python's embeddings and logits", async () => {
    const model = await CLIPModel.from_pretrained(at(precision));
    const output = (await model(given)) as Record<string, Tensor>;
    expectRows(output["text_embeds"]!.data as Float32Array, "text_embeds");
    expectRows(output["image_embeds"]!.data as Float32Array, "image_embeds");
    const logits = golden["logits_per_image"]!;
    expect(output["logits_per_image"]!.dims).toEqual(logits.shape);
    expect(output["logits_per_text"]!.dims).toEqual(logits.shape.toReversed());
    const difference = largestDifference(output["logits_per_image"]!.data as Float32Array, logits.values);
    expect(difference).toBeLessThan(bounds[precision] * 20); // the logit scale is 14.3
    await model.dispose();
  });

  test("the towers give the same, at their own length", async () => {
    const options = { dtype } as const;
    const text = await CLIPTextModelWithProjection.from_pretrained(at(precision), options as never);
    const texts = ((await text(given)) as { text_embeds: Tensor }).text_embeds;
    const vision = await CLIPVisionModelWithProjection.from_pretrained(at(precision), options as never);
    const images = ((await vision(given)) as { image_embeds: Tensor }).image_embeds;
    expectRows(unitRows(texts).rows, "text_embeds");
    expectRows(unitRows(images).rows, "image_embeds");
    for (const length of [...unitRows(texts).lengths, ...unitRows(images).lengths]) {
      expect(Math.abs(length - 1)).toBeGreaterThan(1e-3);
    }
    await Promise.all([text.dispose(), vision.dispose()]);
  });
});

describe("a folder of all precisions", () => {
  const files: WrittenFile[] = [];
  beforeAll(async () => {
    await writeTestModel(at("tiny"));
    await exportOnnxFolder(at("tiny"), at("out"), { onFile: (file) => files.push(file) });
  });

  test("holds what the library reads, and says what it wrote", async () => {
    const names = ["model", "text_model", "vision_model"].flatMap((name) =>
      ["", "_fp16", "_quantized"].map((suffix) => `${name}${suffix}.onnx`),
    );
    expect((await readdir(at("out/onnx"))).toSorted()).toEqual(names.toSorted());
    expect(files.map(({ path }) => path)).toEqual(names.map((name) => `onnx/${name}`));
    expect((await readdir(at("out"))).toSorted()).toEqual([
      "config.json",
      "onnx",
      "preprocessor_config.json",
      "tokenizer.json",
      "tokenizer_config.json",
    ]);
    const [whole, half, bytes] = files.map(({ byteLength }) => byteLength);
    expect(half! / whole!).toBeLessThan(0.6);
    expect(bytes! / whole!).toBeLessThan(0.5);
  });

  test.each(["fp32", "fp16", "q8"] as const)("zero-shot-image-classification scores as we do, %s", async (dtype) => {
    const labels = ["a red circle", "the sea at night", "a tent"];
    const classify = await pipeline("zero-shot-image-classification", at("out"), { dtype });
    const image = rawPicture();
    const output = await classify(image, labels, { hypothesis_template: "a picture of {}" });
    const clip = await openClip(at("tiny"), { engine: "current" });
    const ranked = await clip.classify(testPicture(), labels, { templates: ["a picture of {}"] });
    clip.dispose();
    await classify.dispose();
    const ours = new Map(ranked.map(({ label, score }) => [label, score]));
    for (const { label, score } of output as { label: string; score: number }[]) {
      expect(Math.abs(score - ours.get(label)!), label).toBeLessThan({ fp32: 1e-4, fp16: 1e-2, q8: 0.1 }[dtype]);
    }
  });

  test("image-feature-extraction gives our embeddings", async () => {
    const extract = await pipeline("image-feature-extraction", at("out"));
    const image = rawPicture();
    const features = await extract([image, image]);
    expect(features.dims).toEqual([2, 64]);
    const clip = await openClip(at("tiny"), { engine: "current" });
    const ours = await clip.embedImages([testPicture()]);
    clip.dispose();
    const theirs = unitRows(features as unknown as Tensor).rows.subarray(0, 64);
    expect(largestDifference(theirs, ours.values)).toBeLessThan(1e-4);
    await extract.dispose();
  });
});
