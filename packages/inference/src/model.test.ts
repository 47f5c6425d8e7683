import { readFile } from "node:fs/promises";
import { initHostParams } from "@clip-ts/core";
import { clipPreprocess, formatPreprocessorConfig, inputSize } from "@clip-ts/image";
import { clipSpec, formatClipConfig, formatOpenClipConfig, preset } from "@clip-ts/model";
import { goldenPath } from "@clip-ts/test-utils";
import { bytesSource, streamParams, type TensorFile } from "@clip-ts/weights";
import { memory } from "@tensorflow/tfjs-core";
import { visionFeatureWidth } from "@clip-ts/vision-encoder";
import { expect, test } from "vitest";
import { atResolution, loadEmbedder, loadHostParams, openModelIn } from "./model.ts";
import { closing, type ModelFiles } from "./model-files.ts";
import { tokenizerFor } from "./read-tokenizer.ts";
import { loadHostTowerAlone, openTowerIn } from "./tower.ts";

const nano = preset("nano");
const params = initHostParams(clipSpec(nano), 3);
const json = (content: object): Uint8Array => new TextEncoder().encode(JSON.stringify(content));

/** Files in memory, as a server might have them, and how many are open. */
function filesOf(contents: Readonly<Record<string, Uint8Array>>): ModelFiles & {
  readonly opened: string[];
  readonly closed: string[];
} {
  const [opened, closed]: [string[], string[]] = [[], []];
  return {
    name: "memory",
    place: "memory:",
    pathOf: (name) => `memory:/${name}`,
    readText(name) {
      const bytes = contents[name];
      return Promise.resolve(bytes && new TextDecoder().decode(bytes));
    },
    open(name) {
      const bytes = contents[name];
      if (bytes === undefined) return Promise.resolve(undefined);
      opened.push(name);
      const close = (): Promise<void> => Promise.resolve(void closed.push(name));
      return Promise.resolve({ ...bytesSource(bytes), close });
    },
    opened,
    closed,
  };
}

const chunks: Uint8Array[] = [];
for await (const chunk of streamParams(params).chunks()) chunks.push(chunk);
const weights = new Uint8Array(Buffer.concat(chunks));
const preprocessor = json(formatPreprocessorConfig(clipPreprocess(8)));
const vocabulary = Object.entries(tokenizerFor(nano).tokenizer?.files() ?? {}).map(
  ([name, content]) => [name, typeof content === "string" ? new TextEncoder().encode(content) : json(content)] as const,
);
const whole = {
  ...Object.fromEntries(vocabulary),
  "config.json": json(formatClipConfig(nano)),
  "preprocessor_config.json": preprocessor,
  "model.safetensors": weights,
};

test("a model is what its files say; its weights are opened when they are asked for, and closed once", async () => {
  const files = filesOf(whole);
  const model = await openModelIn(files);
  expect(model).toMatchObject({ config: nano, preprocess: clipPreprocess(8), name: "memory" });
  expect(model.tokenizer?.vocabSize).toBe(nano.text.vocabSize);
  expect(files.opened).toEqual([]);
  expect(await loadHostParams(model)).toEqual(params);
  await loadHostParams(model);
  expect([files.opened, files.closed]).toEqual([["model.safetensors"], []]);
  await model.close();
  await model.close();
  expect([files.opened, files.closed]).toEqual([["model.safetensors"], ["model.safetensors"]]);
});

test("open_clip's config describes a folder without another", async () => {
  const { model_cfg } = formatOpenClipConfig(preset("ViT-B/32"));
  const files = filesOf({ "open_clip_config.json": json({ model_cfg }) });
  const heard: string[] = [];
  const model = await openModelIn(files, { onNotice: (line) => heard.push(line) });
  expect(model.config).toEqual(preset("ViT-B/32"));
  expect(heard).toEqual([expect.stringMatching(/^memory:\/open_clip_config.json: no preprocess_cfg/)]);
  await expect(model.weights()).rejects.toThrow("memory:/model.safetensors cannot be opened: there is no such file.");
  await model.close();
});

test("weights alone are opened to be looked at, and not left open", async () => {
  const files = filesOf({ "model.safetensors": weights });
  const heads = { vision: 2, text: 2 };
  const refused = openModelIn(files, { heads, activation: "quick_gelu" });
  await expect(refused).rejects.toThrow(
    "memory: comes without a config, and its weights do not say which token ends a caption",
  );
  expect((await openModelIn(files, { like: nano, onNotice: () => undefined })).config).toBe(nano);
  expect([files.opened, files.closed]).toEqual([["model.safetensors"], ["model.safetensors"]]);
});

test("weights that do not belong to their config are closed, and may be asked for again", async () => {
  const gelu = { ...nano, text: { ...nano.text, activation: "gelu" } } as typeof nano;
  const wrong = { ...whole, "config.json": json(formatClipConfig(gelu)) };
  const files = { ...filesOf(wrong), name: "hf:openai/clip-vit-base-patch32" };
  const model = await openModelIn(files);
  for (const count of [1, 2]) {
    await expect(model.weights()).rejects.toThrow("was trained with QuickGELU");
    expect([files.opened.length, files.closed.length]).toEqual([count, count]);
  }
});

test("at another image size the same file is read, its positions interpolated", async () => {
  const files = filesOf(whole);
  const model = atResolution(await openModelIn(files), 16);
  expect([model.config.vision.imageSize, inputSize(model.preprocess)]).toEqual([16, 16]);
  const name = "vision_model.embeddings.position_embedding.weight";
  const shapeOf = (file: TensorFile): readonly number[] => file.describe(name).shape;
  expect(shapeOf(await model.weights())).toEqual([1 + 16, visionFeatureWidth(nano.vision)]);
  const larger = await closing(model, loadHostParams);
  expect(larger[name]?.data.slice(0, 16)).toEqual(params[name]?.data.slice(0, 16));
  expect(files.closed).toEqual(["model.safetensors"]);
});

test("the embedder lives on when the model is closed", async () => {
  const before = memory().numTensors;
  const embedder = await closing(await openModelIn(filesOf(whole)), (model) => loadEmbedder(model));
  const features = await embedder.images(new Float32Array(3 * 8 * 8).fill(0.5), 1);
  expect(Math.hypot(...features)).toBeCloseTo(1, 5);
  embedder.dispose();
  expect(memory().numTensors).toBe(before);
});

test("a tower that stands alone is told from a whole model", async () => {
  expect(await openTowerIn(filesOf(whole))).toBeUndefined();
  const folder = "torchvision-vit";
  const files = filesOf({
    "config.json": await readFile(goldenPath(`${folder}/config.json`)),
    "model.safetensors": await readFile(goldenPath(`${folder}/model.safetensors`)),
  });
  const stored = await openTowerIn(files);
  expect(stored?.tower.side).toBe("vision");
  const arrays = await closing(stored!, loadHostTowerAlone);
  expect(Object.keys(arrays)).toContain("embeddings.class_embedding");
  expect(files.closed).toEqual(files.opened);
});
