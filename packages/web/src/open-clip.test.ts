import { clipFunctions, clipGraph, formatSelfCheck, makeSelfCheck } from "@clip-ts/inference";
import { exportOnnx } from "@clip-ts/onnx";
import {
  clipSpec,
  createClip,
  eagerEmbedder,
  formatClipConfig,
  initClip,
  preset,
  type ClipConfig,
  type ClipParams,
} from "@clip-ts/model";
import { clipPreprocess, formatPreprocessorConfig, naflexPreprocess, preprocess, type Pixels } from "@clip-ts/image";
import { flattenTree, linear, linearSpec, normal } from "@clip-ts/core";
import { largestDifference } from "@clip-ts/test-utils";
import { createClipTokenizer } from "@clip-ts/tokenizer";
import { defineVisionTower, type ImageConfig } from "@clip-ts/vision-encoder";
import { bytesSource, loadParams, openSafetensors, saveParams, toBytes } from "@clip-ts/weights";
import { dispose, getBackend, mean, memory, setBackend, type Tensor } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, test } from "vitest";
import { decodeImage } from "./decode-image.ts";
import { openClip, type OpenClipOptions } from "./open-clip.ts";
import { startEngine, type StartedEngine } from "./engine.ts";

const folder = "https://models.test/nano";
const config = preset("nano");
const squashed = { ...clipPreprocess(8), resize: "squash" } as const;
const photo: Pixels = {
  data: Uint8Array.from({ length: 20 * 12 * 3 }, (_, index) => (index * 37) % 256),
  width: 20,
  height: 12,
  channels: 3,
};
let weights: Uint8Array;

/** The vocabulary is CLIP's cut to 600 ids, which the folder's own files say. */
const tokenizerFiles = Object.fromEntries(
  Object.entries(createClipTokenizer({ contextLength: 12, vocabSize: 600 }).files()).map(([name, content]) => [
    name,
    JSON.stringify(content),
  ]),
);

beforeAll(async () => {
  weights = toBytes(await saveParams(initClip(config, 5)));
});

/** Answers requests from memory, with real responses, as a server of the model's folder would. */
function serving(changes: Record<string, string | Uint8Array | undefined> = {}): OpenClipOptions {
  const files: Record<string, string | Uint8Array | undefined> = {
    "config.json": JSON.stringify(formatClipConfig(config)),
    "preprocessor_config.json": JSON.stringify(formatPreprocessorConfig(squashed)),
    "model.safetensors": weights,
    ...tokenizerFiles,
    ...changes,
  };
  const fetch = async (url: string): Promise<Response> => {
    const content = files[url.slice(folder.length + 1)];
    if (content === undefined) return new Response("", { status: 404, statusText: "Not Found" });
    return new Response(typeof content === "string" ? content : Uint8Array.from(content));
  };
  return { fetch, engine: "current" };
}

async function expected(): Promise<{ image: Float32Array; text: Float32Array }> {
  const file = await openSafetensors(bytesSource(weights));
  const clip = await createClip<Pixels>({
    config,
    model: (await loadParams(clipSpec(config), file)) as ClipParams,
    tokenize: (texts) => createClipTokenizer({ contextLength: 12, vocabSize: 600 }).encodeBatch(texts),
    preprocess: (pixels) => preprocess(pixels, squashed),
  });
  const features = {
    image: (await clip.embedImages([photo])).values,
    text: (await clip.embedTexts(["a cat"])).values,
  };
  clip.dispose();
  return features;
}

test("a served folder embeds as its files say, and dispose frees it all", async () => {
  const { image, text } = await expected();
  const before = memory().numTensors;
  const clip = await openClip(folder, serving());
  expect((await clip.embedImages([photo])).values).toEqual(image);
  const { values } = await clip.embedTexts(["a cat"]);
  expect(largestDifference(values, text)).toBeLessThan(1e-6);
  const ranking = await clip.classify(photo, ["cat", "dog"], { templates: ["a {}"] });
  expect(ranking.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 6);
  for (const { score, probability } of ranking) expect(score).toBe(probability);
  clip.dispose();
  expect(memory().numTensors).toBe(before);
  await expect(clip.embedImages([photo])).rejects.toThrow(/^This model was disposed.*Open it again/u);
});

describe("a model that carries its proof", () => {
  let proof = "";
  beforeAll(async () => {
    const model = await eagerEmbedder(initClip(config, 5), config);
    const tokenizer = createClipTokenizer({ contextLength: 12, vocabSize: 600 });
    const description = { config, preprocess: squashed, tokenizer };
    const maker = { engine: "cpu", precision: "f32", version: "1.0.0" } as const;
    proof = formatSelfCheck(await makeSelfCheck({ description, embedder: model }, maker));
    model.dispose();
  });

  test("passes it, on the backend in use and on ONNX Runtime", async () => {
    for (const engine of ["current", "onnx"] as const) {
      const clip = await openClip(folder, { ...serving({ "self-check.json": proof }), engine });
      expect((await clip.embedTexts(["a cat"])).rows).toBe(1);
      clip.dispose();
    }
  });

  test("is refused with other weights or another preprocessing, unless that is wanted", async () => {
    const before = memory().numTensors;
    const params = initClip(config, 6);
    const other = toBytes(await saveParams(params));
    dispose(flattenTree<Tensor>(params));
    const changed = serving({ "self-check.json": proof, "model.safetensors": other });
    await expect(openClip(folder, changed)).rejects.toThrow('the engine "current" computes wrongly');
    await expect(openClip(folder, { ...changed, engine: "onnx" })).rejects.toMatchObject({ code: "bad-weights" });
    const cropped = JSON.stringify(formatPreprocessorConfig(clipPreprocess(8)));
    const prepared = serving({ "self-check.json": proof, "preprocessor_config.json": cropped });
    await expect(openClip(folder, prepared)).rejects.toThrow("prepared otherwise");
    await setBackend("cpu");
    (await openClip(folder, { ...changed, selfCheck: "off" })).dispose();
    expect(memory().numTensors).toBe(before);
  });
});

test("weights may be kept with fewer bits on ONNX Runtime, and nowhere else", async () => {
  const { image } = await expected();
  for (const [dtype, limit] of [
    ["f16", 2e-3],
    ["q8", 0.08],
  ] as const) {
    const clip = await openClip(folder, { ...serving(), engine: "onnx", dtype });
    const { values } = await clip.embedImages([photo]);
    expect(largestDifference(values, image)).toBeLessThan(limit);
    expect(largestDifference(values, image)).toBeGreaterThan(0);
    expect((await clip.embedTexts(["a cat", "two dogs"])).rows).toBe(2);
    clip.dispose();
    await expect(openClip(folder, { ...serving(), dtype })).rejects.toThrow(
      `The engine "current" keeps no weights as ${dtype}`,
    );
  }
  let engine: StartedEngine | undefined;
  const clip = await openClip(folder, { ...serving(), engine: "auto", dtype: "q8", onEngine: (its) => (engine = its) });
  clip.dispose();
  expect([engine?.name, engine?.dtype]).toEqual(["onnx", "q8"]);
  expect(engine?.detail).toContain("weights of 8 bits");
});

/** The towers' graphs of a config with the weights of seed 5, and the files of 8 bits. */
function graphsOf(its: ClipConfig): Record<string, Uint8Array> {
  const host = Object.fromEntries(
    Object.entries(flattenTree<Tensor>(initClip(its, 5))).map(([path, leaf]) => [
      path,
      { data: leaf.dataSync<"float32">(), shape: leaf.shape },
    ]),
  );
  const files: Record<string, Uint8Array> = {};
  for (const [name, wideInputs] of [
    ["text_model", ["input_ids"]],
    ["vision_model", ["pixel_attention_mask", "spatial_shapes"]],
  ] as const) {
    const { [name]: run } = clipFunctions(its);
    const graph = clipGraph(run, its, host);
    const options = { file: "f.onnx", wideInputs: wideInputs.filter((input) => input in run.inputs) };
    files[`onnx/${name}.onnx`] = exportOnnx(graph, options).model;
    files[`onnx/${name}_quantized.onnx`] = exportOnnx(graph, { ...options, precision: "q8" }).model;
  }
  return files;
}

test("a folder of graphs is embedded with as the weights are, and with a dtype by the file of that precision", async () => {
  const { image, text } = await expected();
  const files = { "model.safetensors": undefined, ...graphsOf(config) };
  const said: string[] = [];
  const onNotice = (line: string): void => void said.push(line);
  for (const [dtype, limit] of [
    [undefined, 1e-5],
    ["q8", 0.08],
  ] as const) {
    const options = { ...serving(files), engine: "auto", onNotice, ...(dtype !== undefined && { dtype }) } as const;
    const clip = await openClip(folder, options);
    expect(largestDifference((await clip.embedImages([photo])).values, image)).toBeLessThan(limit);
    expect(largestDifference((await clip.embedTexts(["a cat"])).values, text)).toBeLessThan(limit);
    clip.dispose();
  }
  expect(said.join()).toContain("no onnx/model.onnx");
  await expect(openClip(folder, { ...serving(files), onNotice })).rejects.toThrow("which only ONNX Runtime runs");
});

test("graphs of a model whose pictures keep their shape give what its weights give", async () => {
  const keeping = { ...config, vision: { ...config.vision, kind: "naflex" } } as ClipConfig;
  const described = {
    "config.json": JSON.stringify(formatClipConfig(keeping)),
    "preprocessor_config.json": JSON.stringify(formatPreprocessorConfig(naflexPreprocess(4, 12))),
  };
  const whole = { ...described, "model.safetensors": toBytes(await saveParams(initClip(keeping, 5))) };
  const stored = { ...described, "model.safetensors": undefined, ...graphsOf(keeping) };
  const wide: Pixels = { ...photo, width: 40, height: 6 };
  const onNotice = (): undefined => undefined;
  const [found, expectedRows] = await Promise.all(
    [stored, whole].map(async (files) => {
      const clip = await openClip(folder, { ...serving(files), engine: "onnx", onNotice });
      const { values } = await clip.embedImages([photo, wide, photo]);
      const ranking = await clip.classify(wide, ["cat", "dog"]);
      clip.dispose();
      return { values, label: ranking[0]!.label };
    }),
  );
  expect(largestDifference(found!.values, expectedRows!.values)).toBeLessThan(1e-5);
  expect(found!.label).toBe(expectedRows!.label);
});

test("a model with a tower of one's own is opened with that tower", async () => {
  const colours = defineVisionTower({
    name: "colours",
    spec: ({ channels, width }: ImageConfig & { readonly width: number }) => ({
      map: linearSpec(channels, width, { weight: normal(1) }),
    }),
    encode: ({ map }, pixels) => ({ pooled: linear(map, mean(pixels, [2, 3])) }),
    width: ({ width }) => width,
  });
  const own = { ...config, vision: colours.config({ imageSize: 8, width: 6 }) };
  const params = initClip(own, 5);
  const served = serving({
    "config.json": JSON.stringify(formatClipConfig(own)),
    "model.safetensors": toBytes(await saveParams(params)),
  });
  await expect(openClip(folder, served)).rejects.toThrow('a vision tower of its own, "colours"');
  const clip = await openClip(folder, { ...served, towers: [colours] });
  expect((await clip.embedImages([photo])).dim).toBe(8);
  expect(clip.config).toEqual(own);
  clip.dispose();
});

test("transformers 5's file is read in place of the older one", async () => {
  const nested = JSON.stringify({ image_processor: formatPreprocessorConfig(squashed) });
  const files = { "preprocessor_config.json": undefined, "processor_config.json": nested };
  const onNotice = (line: string): never => expect.unreachable(line);
  const clip = await openClip(folder, { ...serving(files), onNotice });
  expect((await clip.embedImages([photo])).values).toEqual((await expected()).image);
  clip.dispose();
});

test("a step that is not understood is named", async () => {
  const json = JSON.stringify({ ...formatPreprocessorConfig(squashed), crop_pct: 0.9 });
  await expect(openClip(folder, serving({ "preprocessor_config.json": json }))).rejects.toThrow(
    /"crop_pct" is 0.9, which is not understood/u,
  );
});

test("without a preprocessor file CLIP's own preprocessing is used, which is said", async () => {
  const notices: string[] = [];
  const onNotice = (line: string): void => void notices.push(line);
  const [given, missing] = [serving(), serving({ "preprocessor_config.json": undefined })];
  const [squash, shortest] = [await openClip(folder, given), await openClip(folder, { ...missing, onNotice })];
  expect(notices).toEqual([expect.stringMatching(/nano.*: no preprocessor_config.json/u)]);
  const square: Pixels = { ...photo, data: photo.data.slice(0, 12 * 12 * 3), width: 12 };
  const rows = [square, photo];
  const [a, b] = [await squash.embedImages(rows), await shortest.embedImages(rows)];
  expect(a.values.subarray(0, 8)).toEqual(b.values.subarray(0, 8));
  expect(a.values.subarray(8)).not.toEqual(b.values.subarray(8));
});

test("each broken file is named", async () => {
  const opened = (changes: Parameters<typeof serving>[0]): Promise<unknown> => openClip(folder, serving(changes));
  await expect(opened({ "config.json": undefined })).rejects.toMatchObject({
    code: "bad-config", // the weights alone do not say what they are
    message: expect.stringContaining(`${folder} comes without`),
  });
  await expect(opened({ "model.safetensors": undefined })).rejects.toMatchObject({
    code: "not-found",
    message: expect.stringContaining(`${folder}/model.safetensors`),
  });
  await expect(opened({ "model.safetensors": weights.subarray(0, -10) })).rejects.toMatchObject({
    code: "bad-weights",
    message: expect.stringMatching(/nano\/model\.safetensors: .*truncated/),
  });
  await expect(opened({ "config.json": "<!doctype html>" })).rejects.toMatchObject({
    code: "bad-data",
    message: expect.stringContaining(`${folder}/config.json is not valid JSON`),
  });
  const wide = { ...config, projectionDim: 9 };
  const other = JSON.stringify(formatClipConfig(wide));
  await expect(opened({ "config.json": other })).rejects.toThrow(/does not fit the model/);
});

test("pixels need no decoding", async () => {
  expect(await decodeImage(photo)).toBe(photo);
});

test("the wasm engine starts by itself, describes itself and gives the same features", async () => {
  const { image } = await expected();
  const clip = await openClip(folder, { ...serving(), engine: "wasm" });
  expect(getBackend()).toBe("wasm");
  expect(await startEngine("wasm")).toEqual({
    name: "wasm",
    detail: "TensorFlow.js on WebAssembly, 1 thread",
    reason: "asked for",
    threads: 1,
  });
  const { values } = await clip.embedImages([photo]);
  expect(largestDifference(values, image)).toBeLessThan(1e-5);
  clip.dispose();
  await setBackend("cpu");
});

test("a tower whose tokenizer is not served is refused before the weights are fetched", async () => {
  const siglip = JSON.stringify(formatClipConfig(preset("ViT-B-16-SigLIP")));
  const unserved = { "tokenizer.json": undefined, "tokenizer_config.json": undefined };
  const opened = openClip(
    folder,
    serving({ "config.json": siglip, "preprocessor_config.json": undefined, ...unserved }),
  );
  await expect(opened).rejects.toThrow(/a vocabulary of 32000 and no tokenizer/u);
  await expect(openClip(folder, serving(unserved))).rejects.toThrow(/a vocabulary of 600 and no/u);
});
