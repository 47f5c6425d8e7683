// Folders in the form of @huggingface/transformers: graphs in place of weights.
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { initHostParams } from "@clip-ts/core";
import { clipPreprocess } from "@clip-ts/image";
import { closing, loadHostParams, tokenizerFor } from "@clip-ts/inference";
import { clipSpec, formatClipConfig, preset, type ClipConfig } from "@clip-ts/model";
import { largestDifference, startLocalHub, useEngine, type LocalHub } from "@clip-ts/test-utils";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { exportOnnxFolder } from "./export-model.ts";
import { hashModel } from "./hash-model.ts";
import { openClip, type OpenClipOptions } from "./open-clip.ts";
import { openModel, resolveModel } from "./open-model.ts";
import { testPicture } from "./test-model.test.ts";
import { writeModel } from "./write-model.ts";

const nano = preset("nano");
const sigmoid: ClipConfig = { ...nano, loss: { kind: "sigmoid" } };
const means: ClipConfig = {
  ...nano,
  vision: { ...nano.vision, classToken: false, preNorm: false, pooling: "mean" } as never,
};
const configs: Readonly<Record<string, ClipConfig>> = { nano, sigmoid, means };

let root = "";
const at = (...names: string[]): string => join(root, ...names);

beforeAll(async () => {
  await useEngine("cpu");
  root = await mkdtemp(join(tmpdir(), "clip-ts-graphs-"));
  for (const [name, config] of Object.entries(configs)) {
    const params = { ...initHostParams(clipSpec(config), 5) };
    params["logit_scale"] = { data: Float32Array.of(3.25), shape: [] };
    if (params["logit_bias"] !== undefined) params["logit_bias"] = { data: Float32Array.of(-7.5), shape: [] };
    const description = { config, preprocess: clipPreprocess(config.vision.imageSize), ...tokenizerFor(config) };
    await writeModel(at(name), description, params);
    await exportOnnxFolder(at(name), at(`${name}-onnx`));
  }
});
afterAll(async () => {
  await useEngine("cpu");
  await rm(root, { recursive: true });
});

const captions = ["a cat", "an elephant on a bicycle"];

/** What a model gives, and what it says. */
async function use(folder: string, options: OpenClipOptions = {}) {
  const said: string[] = [];
  const clip = await openClip(folder, { engine: "onnx", ...options, onNotice: (line) => said.push(line) });
  const images = (await clip.embedImages([testPicture(), testPicture()])).values;
  const texts = (await clip.embedTexts(captions)).values;
  const { logitScale, logitBias } = clip;
  clip.dispose();
  return { images, texts, logitScale, logitBias, said };
}

/** A copy of an exported folder without files that `drop` names, and with another config if that is given. */
async function copied(from: string, drop: RegExp, changes: object = {}): Promise<string> {
  const folder = await mkdtemp(at("copy-"));
  await cp(at(from), folder, { recursive: true });
  for (const file of await readdir(join(folder, "onnx"))) if (drop.test(file)) await rm(join(folder, "onnx", file));
  const config = JSON.parse(await readFile(join(folder, "config.json"), "utf8")) as object;
  await writeFile(join(folder, "config.json"), JSON.stringify({ ...config, ...changes }));
  return folder;
}

test.each(Object.keys(configs))("%s gives from its graphs what it gives from its weights", async (name) => {
  const whole = await use(at(name));
  for (const [dtype, limit] of [
    [undefined, 1e-5],
    ["f32", 1e-5],
    ["f16", 5e-3],
    ["q8", 0.1],
  ] as const) {
    const found = await use(at(`${name}-onnx`), dtype === undefined ? {} : { dtype });
    expect(largestDifference(found.images, whole.images)).toBeLessThan(limit);
    expect(largestDifference(found.texts, whole.texts)).toBeLessThan(limit);
    expect(found.logitScale).toBeCloseTo(whole.logitScale, 4);
    expect(found.logitBias).toBe(whole.logitBias);
    expect(found.said).toEqual([]);
  }
});

test("a folder that somebody else wrote tells its scales by its logits", async () => {
  for (const name of ["nano", "sigmoid"]) {
    const whole = await use(at(name));
    // What is no CLIP of Hugging Face's keeps its own config there.
    const folder = await copied(`${name}-onnx`, /_fp16|_quantized/u, {
      clip_ts: name === "nano" ? undefined : { config: formatClipConfig(sigmoid) },
    });
    const found = await use(folder);
    expect(found.logitScale / whole.logitScale).toBeCloseTo(1, 3);
    if (whole.logitBias !== undefined) expect(found.logitBias).toBeCloseTo(whole.logitBias, 2);
  }
});

test("one graph of both towers will do, and what is missing is said", async () => {
  const whole = await use(at("nano"));
  const one = await use(await copied("nano-onnx", /^(text|vision)|_fp16|_quantized/u));
  expect(largestDifference(one.images, whole.images)).toBeLessThan(1e-5);
  expect(largestDifference(one.texts, whole.texts)).toBeLessThan(1e-5);
  const towers = await use(await copied("nano-onnx", /^model/u, { clip_ts: undefined }));
  expect(towers.said.join()).toContain("no onnx/model.onnx, which alone tells by how much cosines are scaled");
  const bytes = await copied("nano-onnx", /(model|_fp16)\.onnx$/u);
  expect(await readdir(join(bytes, "onnx"))).toHaveLength(3);
  expect(largestDifference((await use(bytes)).images, whole.images)).toBeLessThan(0.1);
  await expect(use(bytes, { dtype: "f16" })).rejects.toThrow(
    /neither onnx\/\w+_fp16\.onnx nor onnx\/model_fp16\.onnx/u,
  );
});

test("graphs are no weights: what wants those says so", async () => {
  const folder = at("nano-onnx");
  await expect(closing(await openModel(folder), loadHostParams)).rejects.toThrow(
    "holds ONNX graphs (onnx/) and no weights: it can embed, and teach another model",
  );
  await expect(openClip(folder, { engine: "wasm" })).rejects.toThrow("use the engine onnx");
  await expect(openClip(folder, { imageSize: 16 })).rejects.toThrow("read images of 8 pixels and no others");
  const auto = await use(folder, { engine: "auto" });
  expect(auto.images).toEqual((await use(folder)).images);
});

test("the hash is of the graphs", async () => {
  const folder = await copied("nano-onnx", /^$/u);
  const before = await hashModel(folder);
  expect(await hashModel(await copied("nano-onnx", /^$/u))).toBe(before);
  await writeFile(join(folder, "onnx", "text_model.onnx"), "another");
  expect(await hashModel(folder)).not.toBe(before);
});

describe("on the hub", () => {
  let hub: LocalHub | undefined;
  afterEach(async () => {
    vi.unstubAllEnvs();
    await hub?.close();
  });

  /** A hub that has a folder's files under these names, with an empty cache. @returns what was asked of it. */
  async function publish(folder: string, names: readonly string[]): Promise<readonly string[]> {
    hub = await startLocalHub();
    vi.stubEnv("HF_ENDPOINT", hub.endpoint).stubEnv("HF_HUB_CACHE", await mkdtemp(at("cache-")));
    const paths = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    const files = new Map<string, Uint8Array>();
    for (const { parentPath, name } of paths) {
      const path = join(parentPath, name);
      files.set(relative(folder, path).replaceAll("\\", "/"), await readFile(path));
    }
    for (const name of names) hub.repositories.set(name, { files });
    return hub.requests;
  }
  const graphsAsked = (requests: readonly string[]): string[] =>
    [...new Set(requests.flatMap((line) => /^GET .*\/resolve\/\w+\/(onnx\/\S+)/u.exec(line)?.[1] ?? []))].toSorted();
  const own = (): AbortSignal => new AbortController().signal; // so that no download is shared with another test

  test.each([
    ["hf:owner/graphs", undefined, ""],
    ["hf-hub:owner/graphs", "q8", "_quantized"],
    ["openai/clip-vit-base-patch32", "f16", "_fp16"],
  ] as const)(
    "%s as %s gives what its folder gives, of whose graphs one precision is fetched",
    async (name, dtype, suffix) => {
      const folder = await copied("nano-onnx", /^$/u, { clip_ts: undefined });
      const requests = await publish(folder, ["owner/graphs", "openai/clip-vit-base-patch32"]);
      const chosen = dtype === undefined ? {} : { dtype };
      const expected = await use(folder, chosen);
      const found = await use(name, { ...chosen, signal: own() });
      expect(found).toEqual(expected);
      expect(graphsAsked(requests)).toEqual(
        ["model", "text_model", "vision_model"].map((its) => `onnx/${its}${suffix}.onnx`),
      );
      vi.stubEnv("HF_HUB_OFFLINE", "1");
      expect(await use(name, { ...chosen, signal: own() })).toEqual(expected);
      expect(await hashModel(name, chosen)).toBe(await hashModel(folder, chosen));
      const other = dtype === "q8" ? "f16" : "q8";
      await expect(use(name, { dtype: other, signal: own() })).rejects.toThrow(
        /is not in the cache .* HF_HUB_OFFLINE is set/u,
      );
    },
  );

  test("the whole model's graph is left where the config says the scales, and a precision that is not there is named", async () => {
    const folder = await copied("nano-onnx", /_fp16/u);
    const requests = await publish(folder, ["owner/own"]);
    await use("hf:owner/own", { signal: own() });
    expect(graphsAsked(requests)).toEqual(["onnx/text_model.onnx", "onnx/vision_model.onnx"]);
    await expect(use("hf:owner/own", { dtype: "f16", signal: own() })).rejects.toThrow(
      /^hf:owner\/own has no weights, and of graphs neither onnx\/vision_model_fp16\.onnx nor onnx\/model_fp16\.onnx: /u,
    );
  });

  test("weights beside a graph come along, and weights of the model go before graphs", async () => {
    const folder = await copied("nano-onnx", /^(text|vision)|_fp16|_quantized/u);
    await writeFile(join(folder, "onnx", "model.onnx_data"), "some");
    await writeFile(join(folder, "onnx", "model.onnx_data_1"), "more");
    await writeFile(join(folder, "onnx", "model.onnx_data.txt"), "notes");
    const requests = await publish(folder, ["owner/large"]);
    await resolveModel("hf:owner/large", { signal: own() });
    expect(graphsAsked(requests)).toEqual(["onnx/model.onnx", "onnx/model.onnx_data", "onnx/model.onnx_data_1"]);
    await writeFile(join(folder, "model.safetensors"), "weights");
    await hub?.close();
    const whole = await publish(folder, ["owner/whole"]);
    await resolveModel("hf:owner/whole", { signal: own() });
    expect(graphsAsked(whole)).toEqual([]);
  });
});
