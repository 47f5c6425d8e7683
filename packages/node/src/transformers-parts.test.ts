// Tokenizers and processors of the real @huggingface/transformers in the place of ours.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createBatches, syntheticSource } from "@clip-ts/data";
import { clipPreprocess, fromTransformersProcessor, prepareImage, type ImagePreparer } from "@clip-ts/image";
import { preset } from "@clip-ts/model";
import { largestDifference, useEngine } from "@clip-ts/test-utils";
import { createClipTokenizer, fromTransformersTokenizer, tokenizerForTower, type Tokenizer } from "@clip-ts/tokenizer";
import { AutoProcessor, AutoTokenizer, env, RawImage } from "@huggingface/transformers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { exportOnnxFolder } from "./export-model.ts";
import { openClip } from "./open-clip.ts";
import { testPicture, writeTestModel } from "./test-model.test.ts";

env.allowRemoteModels = false;
let root = "";
let tokenizer: Tokenizer;
let processor: ImagePreparer;
let model = "";

beforeAll(async () => {
  await useEngine("cpu");
  root = await mkdtemp(join(tmpdir(), "clip-ts-parts-"));
  model = await writeTestModel(join(root, "model"));
  await exportOnnxFolder(model, join(root, "onnx"), { precisions: ["f32"] });
  tokenizer = fromTransformersTokenizer(await AutoTokenizer.from_pretrained(join(root, "onnx")));
  processor = fromTransformersProcessor(await AutoProcessor.from_pretrained(join(root, "onnx"), {}), RawImage);
});
afterAll(async () => {
  await useEngine("cpu");
  await rm(root, { recursive: true });
});

const captions = ["a photo of a cat", "two red kites, 3 boats", "x ".repeat(200)];

test("ids are theirs, of one width, and a long caption keeps its end", async () => {
  const theirs = await AutoTokenizer.from_pretrained(join(root, "onnx"));
  const { inputIds, tokens, lengths } = tokenizer.encodeBatch(captions, { multiple: 8 });
  expect(tokens).toBe(tokenizer.contextLength);
  for (const [row, caption] of captions.entries()) {
    const all = (theirs(caption, { return_tensor: false }) as unknown as { input_ids: number[] }).input_ids;
    const expected = all.length <= tokens ? all : [...all.slice(0, tokens - 1), all.at(-1)];
    expect([...inputIds.subarray(row * tokens, row * tokens + lengths[row]!)]).toEqual(expected);
    expect(inputIds[row * tokens + lengths[row]! - 1]).toBe(tokenizer.endId);
  }
  expect(tokenizer.decode(tokenizer.encode("a photo of a cat"))).toBe("a photo of a cat");
  expect(Object.keys(tokenizer.files())).toEqual(["tokenizer.json", "tokenizer_config.json"]);
});

test("openClip takes both, and embeds as with its own where they agree", async () => {
  const pictures = [testPicture(1), testPicture(2)];
  const [own, with_] = await Promise.all([
    openClip(model, { engine: "cpu" }),
    openClip(model, { engine: "cpu", tokenizer, preprocess: processor }),
  ]);
  const embed = async (clip: typeof own): Promise<readonly Float32Array[]> => [
    (await clip.embedImages(pictures)).values,
    (await clip.embedTexts(captions.slice(0, 2))).values,
  ];
  const [ours, theirs] = [await embed(own), await embed(with_)];
  expect(largestDifference(theirs[0]!, ours[0]!)).toBeLessThan(1e-4); // of the model's own size, nothing is resized
  expect(largestDifference(theirs[1]!, ours[1]!)).toBeLessThan(1e-6);
  own.dispose();
  with_.dispose();
});

test("createBatches takes both: pixels and ids are theirs", async () => {
  const source = syntheticSource({ count: 8, seed: 1 });
  const batches = createBatches({ source, tokenizer, preprocess: processor, batchSize: 4, seed: 1 });
  const batch = await batches.next();
  await batches.close();
  expect(batch.imageSize).toBe(32);
  for (const [row, key] of batch.keys.entries()) {
    const record = source.records.find((one) => one.key === key)!;
    const planes = await processor.prepare(await record.loadImage());
    expect(batch.pixelValues.subarray(row * planes.length, (row + 1) * planes.length)).toEqual(planes);
    const ids = tokenizer.encode(batch.captions[row]!);
    expect([...batch.inputIds.subarray(row * batch.tokens, row * batch.tokens + ids.length)]).toEqual(ids);
  }
  expect(() =>
    createBatches({ source, tokenizer, preprocess: processor, batchSize: 4, seed: 1, augment: {} as never }),
  ).toThrow("leave out augment and view");
});

test("what does not fit is named: vocabulary, context, end token, size", async () => {
  const { text } = preset("tiny");
  const fits = (changes: object): Tokenizer => tokenizerForTower(tokenizer, { ...text, ...changes });
  expect(fits({}).contextLength).toBe(text.contextLength);
  expect(() => fits({ vocabSize: 1000 })).toThrow(/The tokenizer's vocabulary is \d+, the text tower's 1000/u);
  expect(() => fits({ contextLength: 12 })).toThrow("give fromTransformersTokenizer { contextLength: 12 }");
  expect(() => fits({ endTokenId: 5 })).toThrow("the text tower pools at 5");
  await expect(openClip(model, { engine: "cpu", preprocess: { ...processor, size: 64 } })).rejects.toThrow(
    "The image processor makes pictures of 64 pixels, the vision tower reads 32",
  );
  await expect(prepareImage(testPicture(), { ...processor, size: 16 })).rejects.toThrow("expected 768, [3, 16, 16]");
  const nano = createClipTokenizer({ vocabSize: 600, contextLength: 12 });
  await expect(openClip(model, { engine: "cpu", tokenizer: nano })).rejects.toThrow("the text tower pools at");
  expect(() => fromTransformersTokenizer({} as never)).toThrow("Expected a tokenizer of @huggingface/transformers");
  expect(() => fromTransformersProcessor({} as never, RawImage)).toThrow("Expected a processor");
});

test("a length that is not said has to be given, and sizes that are no squares are refused", async () => {
  const path = join(root, "onnx", "tokenizer_config.json");
  const config = JSON.parse(await readFile(path, "utf8")) as { model_max_length?: number };
  await writeFile(path, JSON.stringify({ ...config, model_max_length: undefined }));
  const theirs = await AutoTokenizer.from_pretrained(join(root, "onnx"));
  expect(() => fromTransformersTokenizer(theirs)).toThrow("give contextLength, such as 77");
  expect(fromTransformersTokenizer(theirs, { contextLength: 20 }).encode("x ".repeat(50))).toHaveLength(20);
  const wide = Object.assign(async () => ({}), { size: { height: 32, width: 64 } });
  expect(() => fromTransformersProcessor(wide, RawImage)).toThrow("squares of one size");
  expect(clipPreprocess(32).size).toBe(processor.size);
});
