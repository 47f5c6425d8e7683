// SigLIP 2 NaFlex from folder to features and back: tools/peers/make_naflex.py has the original.
import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { inputBytes, isPatches, naflexPreprocess, preprocess, preprocessBytes, type Pixels } from "@clip-ts/image";
import {
  bytesEmbedder,
  closing,
  describedClip,
  loadEmbedder,
  loadModelParams,
  makeSelfCheck,
  runSelfCheck,
} from "@clip-ts/inference";
import { startEngine } from "@clip-ts/engines";
import type { Embedder } from "@clip-ts/model";
import { goldenArrays, goldenJson, goldenPath, goldenTensors, relativeError, useEngine } from "@clip-ts/test-utils";
import * as runtime from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { exportOnnxFolder, exportSavedModel } from "./export-model.ts";
import { createDecodePool } from "./decode-pool/pool.ts";
import { modelCard } from "./model-card.ts";
import { openClip } from "./open-clip.ts";
import { openModel } from "./open-model.ts";
import { writeModel, writeOpenClipDescription } from "./write-model.ts";

const folder = dirname(goldenPath("naflex/io.safetensors"));
const scratch = await mkdtemp(join(tmpdir(), "clip-ts-naflex-"));
afterAll(async () => {
  await useEngine("cpu");
  await rm(scratch, { recursive: true });
});

const io = goldenArrays("naflex/io.safetensors");
const expected = io["picture_embeds"]!.values as Float32Array;
const { pictures } = JSON.parse(
  readFileSync(new URL("../../image/src/fixtures/naflex.json", import.meta.url), "utf8"),
) as { readonly pictures: readonly (readonly [number, number, string])[] };
const images = pictures.map(([width, height, bytes]): Pixels => ({
  data: Uint8Array.from(Buffer.from(bytes, "base64")),
  width,
  height,
  channels: 3,
}));

for (const engine of ["cpu", "wasm", "onnx"] as const) {
  test.each([1, 3, 32])(`pictures have transformers' features in batches of %i (${engine})`, async (batchSize) => {
    const clip = await openClip(folder, { engine, batchSize });
    const { values, rows, dim } = await clip.embedImages(images);
    expect([rows, dim]).toEqual([8, 24]);
    expect(relativeError(values, expected)).toBeLessThan(1e-5);
    clip.dispose();
  });
}

test("--image-size asks for as many patches as a square has", async () => {
  const clip = await openClip(folder, { engine: "cpu", imageSize: 24 });
  const { values } = await clip.embedImages(images);
  expect(relativeError(values, expected)).toBeGreaterThan(1e-3);
  clip.dispose();
  const same = await openClip(folder, { engine: "cpu", imageSize: 17 }); // 18 patches of 4: 17 x 17 has no more
  expect(relativeError((await same.embedImages(images)).values, expected)).toBeLessThan(1e-5);
  same.dispose();
});

/** An embedder that counts the rows and patches of what goes through it. */
function counting(embedder: Embedder): { readonly embedder: Embedder; readonly shapes: (readonly number[])[] } {
  const shapes: (readonly number[])[] = [];
  const imagesOf = async (pixels: Float32Array, rows: number): Promise<Float32Array> => {
    shapes.push([rows, pixels.length / rows / 52]);
    return embedder.images(pixels, rows);
  };
  return { embedder: { ...embedder, images: imagesOf }, shapes };
}

test("a budget of tokens parts batches, and rows keep their order", async () => {
  const { preprocess: config, ...rest } = await openModel(folder);
  const { embedder, shapes } = counting(await loadEmbedder({ ...rest }));
  const description = { preprocess: config, config: rest.config };
  const clip = await describedClip<Pixels>(description, {
    embedder,
    preprocess: (image) => preprocess(image, config),
    batchSize: 8,
    maxTokens: 64,
  });
  expect(relativeError((await clip.embedImages(images)).values, expected)).toBeLessThan(1e-5);
  expect(shapes.length).toBeGreaterThan(1);
  for (const [rows, patches] of shapes as [number, number][]) expect(rows * patches).toBeLessThanOrEqual(64);
  const length = inputBytes(config);
  const bytes = new Uint8ClampedArray(images.length * length);
  images.forEach((image, row) => preprocessBytes(image, config, bytes.subarray(row * length, (row + 1) * length)));
  const parted = [...shapes];
  for (const [filledTo, met] of [
    [undefined, parted],
    [8, Array.from({ length: 3 }, () => [3, 18])], // three images of the most patches have 54
  ] as const) {
    shapes.length = 0;
    const embed = bytesEmbedder({ description, embedder, filledTo, maxTokens: 64 });
    expect(relativeError(await embed(bytes, images.length), expected)).toBeLessThan(1e-5);
    expect(shapes).toEqual(met);
  }
  const refused = /An image of 18 patches, filled up to 32, is more than a batch may have \(maxTokens 31\)/u;
  expect(() => bytesEmbedder({ description, embedder, maxTokens: 31 })).toThrow(refused);
  await expect(openClip(folder, { engine: "cpu", maxTokens: 31 })).rejects.toThrow(refused);
  await rest.close();
  clip.dispose();
});

test("threads leave the bytes of which features come", async () => {
  const { preprocess: config, ...rest } = await openModel(folder);
  const embedder = await loadEmbedder({ ...rest });
  const length = inputBytes(config);
  const bytes = new Uint8ClampedArray(images.length * length);
  images.forEach((image, row) => preprocessBytes(image, config, bytes.subarray(row * length, (row + 1) * length)));
  for (const filledTo of [undefined, 9]) {
    const embed = bytesEmbedder({ description: { preprocess: config, config: rest.config }, embedder, filledTo });
    expect(relativeError(await embed(bytes, images.length), expected)).toBeLessThan(1e-5);
  }
  await rest.close();
  embedder.dispose();
});

test("the pool of threads prepares patches; crops at random are refused", async () => {
  const { preprocess: config } = await openModel(folder);
  const file = (name: string): Buffer => readFileSync(new URL(`fixtures/images/${name}`, import.meta.url));
  const pool = await createDecodePool({ preprocess: config, seed: 1, threads: 1 });
  const slot = await pool.acquire(1);
  const job = { image: { bytes: file("rgb.png") }, key: "rgb.png", random: ["a"], row: 0 };
  expect(await pool.images([job], slot)).toEqual([undefined]);
  const { decodeImage } = await import("./decode-image.ts");
  const own = new Uint8ClampedArray(inputBytes(config));
  preprocessBytes(await decodeImage(file("rgb.png"), "rgb.png"), config, own);
  expect(slot.pixels).toEqual(own);
  await pool.close();
  await expect(createDecodePool({ preprocess: config, seed: 1, augment: { flipProbability: 0.5 } })).rejects.toThrow(
    /keep their shape, as rows of patches/u,
  );
});

test("a model that is written is the same model for clip-ts and for transformers", async () => {
  await useEngine("cpu");
  const model = await openModel(folder);
  const params = await closing(model, loadModelParams);
  await writeModel(scratch, model, params);
  const json = async (name: string): Promise<object> =>
    JSON.parse(await readFile(join(scratch, name), "utf8")) as object;
  expect(await json("config.json")).toMatchObject({
    model_type: "siglip2",
    vision_config: { num_patches: 16, patch_size: 4, num_channels: 3 },
  });
  const { max_num_patches, image_processor_type } = goldenJson("naflex/preprocessor_config.json") as {
    max_num_patches: number;
    image_processor_type: string;
  };
  expect(await json("preprocessor_config.json")).toMatchObject({ max_num_patches, image_processor_type });
  const again = await openModel(scratch);
  expect(again.config).toEqual(model.config);
  expect(again.preprocess).toEqual(model.preprocess);
  const stored = goldenArrays("naflex/model.safetensors");
  const file = await again.weights();
  expect([...file.names].toSorted()).toEqual(Object.keys(stored).toSorted());
  await again.close();
  const card = modelCard(scratch, again, { repository: "me/naflex" });
  expect(card).toContain("NaFlex ViT, 2 layers, width 24, 2 heads, patches of 4, positions of 4 by 4, pictures of any");
  expect(card).toContain("- transformers");
});

test("open_clip's format is refused by name", async () => {
  const model = await openModel(folder);
  await expect(writeOpenClipDescription(scratch, model)).rejects.toThrow(/NaFlex|SigLIP/u);
});

const maker = { version: "0", engine: "cpu", precision: "f32" } as const;

test("a proof is made and kept", async () => {
  await useEngine("cpu");
  const model = await openModel(folder);
  expect(isPatches(model.preprocess)).toBe(true);
  const embedder = await loadEmbedder(model);
  const checked = { description: model, embedder };
  const check = await makeSelfCheck(checked, maker);
  expect(check.pictures?.features.length).toBe(2);
  expect((await runSelfCheck(check, checked)).passed).toBe(true);
  const other = { ...model, preprocess: naflexPreprocess(4, 12) };
  const found = await runSelfCheck(check, { description: other, embedder });
  expect(found.fault).toBe("other-model");
  embedder.dispose();
  await model.close();
});

test("exported graphs take transformers' inputs, of any length, and give its features", async () => {
  const output = join(scratch, "exported");
  await exportOnnxFolder(folder, output, { precisions: ["f32"] });
  const config = JSON.parse(await readFile(join(output, "config.json"), "utf8")) as { model_type: string };
  expect(config.model_type).toBe("siglip2");
  const session = await runtime.InferenceSession.create(join(output, "onnx/model.onnx"));
  const whole = (name: string): runtime.Tensor =>
    new runtime.Tensor("int64", BigInt64Array.from(io[name]!.values, BigInt), [...io[name]!.shape]);
  const pixels = new runtime.Tensor("float32", io["pixel_values"]!.values as Float32Array, [
    ...io["pixel_values"]!.shape,
  ]);
  const found = await session.run({
    pixel_values: pixels,
    pixel_attention_mask: whole("pixel_attention_mask"),
    spatial_shapes: whole("spatial_shapes"),
    input_ids: whole("input_ids"),
  });
  for (const name of ["image_embeds", "text_embeds", "logits_per_image"]) {
    expect(relativeError(found[name]!.data as Float32Array, io[name]!.values), name).toBeLessThan(1e-5);
  }
  await session.release();
  const vision = await runtime.InferenceSession.create(join(output, "onnx/vision_model.onnx"));
  const values = (io["pixel_values"]!.values as Float32Array).subarray(0, 16 * 48);
  const { pooler_output: pooled } = await vision.run({
    pixel_values: new runtime.Tensor("float32", values, [1, 16, 48]),
    pixel_attention_mask: new runtime.Tensor("int64", new BigInt64Array(16).fill(1n), [1, 16]),
    spatial_shapes: new runtime.Tensor("int64", BigInt64Array.of(4n, 4n), [1, 2]),
  });
  const row = pooled!.data as Float32Array;
  const length = Math.hypot(...row);
  const unit = row.map((value) => value / length);
  expect(relativeError(unit, io["image_embeds"]!.values.subarray(0, 24))).toBeLessThan(1e-5);
  await vision.release();
});

test.each([["vision_model and text_model"], ["model"]])("a folder of graphs opens and embeds by %s", async (graphs) => {
  const output = join(scratch, `graphs-${graphs.length}`);
  await exportOnnxFolder(folder, output, { precisions: ["f32", "q8"] });
  const config = JSON.parse(await readFile(join(output, "config.json"), "utf8")) as object;
  // What somebody else writes says no scales.
  await writeFile(join(output, "config.json"), JSON.stringify({ ...config, clip_ts: undefined }));
  if (graphs === "model") for (const side of ["vision", "text"]) await rm(join(output, `onnx/${side}_model.onnx`));
  for (const batchSize of [1, 3, 32]) {
    const clip = await openClip(output, { engine: "onnx", dtype: "f32", batchSize });
    expect(relativeError((await clip.embedImages(images)).values, expected)).toBeLessThan(1e-5);
    expect(Math.log(clip.logitScale)).toBeCloseTo(1.5, 4);
    expect(clip.logitBias).toBeCloseTo(-1, 3);
    clip.dispose();
  }
  const smaller = await openClip(output, { engine: "onnx", dtype: "q8" });
  expect(relativeError((await smaller.embedImages(images)).values, expected)).toBeLessThan(0.1);
  smaller.dispose();
  const [fewer, theirs] = await Promise.all(
    [output, folder].map((place) => openClip(place, { engine: "onnx", imageSize: 12, batchSize: 3 })),
  );
  const [found, wanted] = [await fewer!.embedImages(images), await theirs!.embedImages(images)];
  expect(relativeError(found.values, wanted.values)).toBeLessThan(1e-5);
  for (const clip of [fewer!, theirs!]) clip.dispose();
  const { compiler } = await startEngine("onnx", { dtype: "f32" });
  const embedder = await closing(await openModel(output), (model) => loadEmbedder(model, compiler));
  const ids = Int32Array.from(io["input_ids"]!.values);
  const texts = await embedder.texts({ inputIds: ids, batch: 4, tokens: 8 });
  expect(relativeError(texts, io["text_embeds"]!.values)).toBeLessThan(1e-5);
  embedder.dispose();
});

test("somebody else's preprocessing to planes is refused", async () => {
  const planes = { size: 16, prepare: async (): Promise<Float32Array> => new Float32Array(3 * 16 * 16) };
  const opened = openClip(folder, { engine: "cpu", preprocess: planes });
  await expect(opened).rejects.toThrow(/reads pictures that keep their shape: leave it out/u);
});

test("a SavedModel is written", async () => {
  await exportSavedModel(folder, join(scratch, "saved"));
  expect((await readFile(join(scratch, "saved/saved_model.pb"))).length).toBeGreaterThan(1000);
});

test("preprocessing and tower agree on what a picture is", async () => {
  const { preprocess: config } = await openModel(folder);
  expect(preprocess(images[0]!, config).length % 52).toBe(0);
  expect(goldenTensors("naflex/io.safetensors")["pixel_values"]!.shape).toEqual([4, 18, 48]);
});
