import { readFileSync } from "node:fs";
import { copyFile, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { flattenTree } from "@clip-ts/core";
import { clipPreprocess, preprocess } from "@clip-ts/image";
import { embedImages, initClip, preset, type ClipParams } from "@clip-ts/model";
import {
  captureOutput,
  goldenPath,
  largestDifference,
  startLocalHub,
  tensorsLeftBy,
  useEngine,
} from "@clip-ts/test-utils";
import { dispose, getBackend, tensor, tidy, type Tensor } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { decodeImage } from "./decode-image.ts";
import type { DownloadProgress } from "@clip-ts/hub";
import { openClip } from "./open-clip.ts";
import { tokenizerFor } from "@clip-ts/inference";
import { writeModel } from "./write-model.ts";

const config = preset("nano");
const description = { config, preprocess: clipPreprocess(8), ...tokenizerFor(config) };
const image = (name: string): string => fileURLToPath(new URL(`fixtures/images/${name}`, import.meta.url));
let root = "";
let params: ClipParams;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "clip-ts-open-"));
  params = initClip(config, 5);
  await writeModel(root, description, params);
});
afterAll(async () => {
  dispose(flattenTree<Tensor>(params));
  await useEngine("cpu");
  await rm(root, { recursive: true, force: true });
});

const length = (row: Float32Array): number => Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));

describe("images", () => {
  test("are unit rows: those of the model on the preprocessed pixels", async () => {
    const clip = await openClip(root, { engine: "cpu" });
    const names = ["rgb.jpg", "grey.png", "palette-transparent.png", "cmyk.jpg"];
    const { values, rows, dim } = await clip.embedImages(names.map(image));
    expect([rows, dim]).toEqual([4, 8]);
    for (const [row, name] of names.entries()) {
      const pixels = await decodeImage(readFileSync(image(name)), name);
      const expected = tidy(() => {
        const input = tensor(preprocess(pixels, description.preprocess), [1, 3, 8, 8]);
        return embedImages(params, input, config);
      });
      const found = values.slice(row * dim, (row + 1) * dim);
      expect(found).toEqual(await expected.data());
      expect(length(found)).toBeCloseTo(1, 6);
      expected.dispose();
    }
    clip.dispose();
  });

  test("can be paths, bytes of files or pixels, in batches of any size", async () => {
    const clip = await openClip(root, { engine: "cpu", batchSize: 2 });
    const bytes = readFileSync(image("rgb.png"));
    const pixels = await decodeImage(bytes, "rgb.png");
    const { values, dim } = await clip.embedImages([image("rgb.png"), bytes, pixels]);
    const [path, ...others] = [0, 1, 2].map((row) => values.slice(row * dim, (row + 1) * dim));
    for (const other of others) expect(other).toEqual(path);
    clip.dispose();
  });

  test("are turned upright on request only", async () => {
    const embed = async (name: string, honourExif: boolean): Promise<Float32Array> => {
      const clip = await openClip(root, { engine: "current", honourExif });
      const { values } = await clip.embedImages([image(name)]);
      clip.dispose();
      return values;
    };
    expect(await embed("exif-6.jpg", false)).toEqual(await embed("rgb.jpg", true));
    expect(await embed("exif-6.jpg", true)).not.toEqual(await embed("rgb.jpg", true));
  });

  test("that are missing or broken are named, and leave no tensor behind", async () => {
    const clip = await openClip(root, { engine: "cpu" });
    const missing = join(root, "missing.jpg");
    const left = await tensorsLeftBy(async () => {
      await expect(clip.embedImages([image("rgb.jpg"), missing])).rejects.toThrow(
        `${missing} cannot be read: there is no such file.`,
      );
      await expect(clip.embedImages([Buffer.from("no image")])).rejects.toThrow("The image is not a readable image");
    });
    expect(left).toBe(0);
    clip.dispose();
  });
});

describe("labels", () => {
  test("are ranked by the cosines of image and text features", async () => {
    const clip = await openClip(root, { engine: "cpu" });
    const labels = ["cat", "dog", "red square", "boat"];
    const templates = ["a photo of a {}."];
    const ranking = await clip.classify(image("rgb.png"), labels, { templates });
    const { values: picture } = await clip.embedImages([image("rgb.png")]);
    const { values: texts, dim } = await clip.embedTexts(labels.map((label) => `a photo of a ${label}.`));
    const cosines = labels.map((_, row) =>
      picture.reduce((sum, value, column) => sum + value * texts[row * dim + column]!, 0),
    );
    const order = labels.toSorted((a, b) => cosines[labels.indexOf(b)]! - cosines[labels.indexOf(a)]!);
    expect(ranking.map(({ label }) => label)).toEqual(order);
    for (const { label, similarity } of ranking) {
      expect(similarity).toBeCloseTo(cosines[labels.indexOf(label)]!, 5);
    }
    expect(ranking.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 6);
    clip.dispose();
  });

  test("score the same with a caption padded to its batch's longest", async () => {
    const clip = await openClip(root, { engine: "cpu" });
    const alone = await clip.embedTexts(["a cat"]);
    const { values } = await clip.embedTexts(["a cat", "an elephant on a bicycle"]);
    for (const [column, value] of alone.values.entries()) {
      expect(values[column]).toBeCloseTo(value, 6);
    }
    clip.dispose();
  });
});

test("the handle leaves no tensor behind once disposed", async () => {
  await useEngine("cpu");
  const left = await tensorsLeftBy(async () => {
    const clip = await openClip(root, { engine: "cpu" });
    await clip.embedImages([image("rgb.png"), image("grey.jpg")]);
    await clip.embedTexts(["a cat", "a dog"]);
    await clip.classify(image("rgb.png"), ["a", "b"], { templates: ["{}", "a {}"] });
    clip.dispose();
  });
  expect(left).toBe(0);
});

test("the engine is the one asked for, or the one in use", async () => {
  for (const [engine, backend] of [
    ["wasm", "wasm"],
    ["current", "wasm"],
    ["cpu", "cpu"],
    ["current", "cpu"],
  ] as const) {
    const clip = await openClip(root, { engine });
    expect(getBackend()).toBe(backend);
    clip.dispose();
  }
});

test("weights may be kept with fewer bits, whose features are near", async () => {
  const embed = async (dtype: "f32" | "f16" | "q8"): Promise<readonly Float32Array[]> => {
    const clip = await openClip(root, { engine: "onnx", dtype });
    const images = await clip.embedImages([image("rgb.png"), image("grey.jpg"), image("rgb.jpg")]);
    const texts = await clip.embedTexts(["a cat", "an elephant on a bicycle"]);
    clip.dispose();
    return [images.values, texts.values];
  };
  const whole = await embed("f32");
  const [half, bytes] = [await embed("f16"), await embed("q8")];
  for (const [side, rows] of whole.entries()) {
    const off = [half, bytes].map((found) => largestDifference(found[side]!, rows));
    expect(off[0]).toBeLessThan(2e-3);
    expect(off[1]).toBeLessThan(0.08);
    expect(off[1]).toBeGreaterThan(off[0]!);
  }
});

test("engines that keep no such weights are refused by name", async () => {
  await useEngine("cpu");
  await expect(openClip(root, { engine: "cpu", dtype: "q8" })).rejects.toThrow(
    'The engine "cpu" keeps no weights as q8',
  );
  await expect(openClip(root, { engine: "current", dtype: "f16" })).rejects.toThrow(
    'The engine "current" keeps no weights as f16',
  );
});

test("a model that cannot be found is an error before any engine starts", async () => {
  await useEngine("cpu");
  await expect(openClip(join(root, "nowhere"))).rejects.toMatchObject({ code: "not-found" });
  expect(getBackend()).toBe("cpu");
});

test("a model of the hub tells how far its download is, and prints nothing by itself", async () => {
  const hub = await startLocalHub();
  const cache = await mkdtemp(join(tmpdir(), "clip-ts-cache-"));
  vi.stubEnv("HF_ENDPOINT", hub.endpoint).stubEnv("HF_HUB_CACHE", cache);
  const files = new Map<string, Uint8Array>();
  for (const name of await readdir(root)) files.set(name, readFileSync(join(root, name)));
  hub.repositories.set("owner/nano", { files });
  const heard: DownloadProgress[] = [];
  const { stdout, stderr } = await captureOutput(async () => {
    const onProgress = (progress: DownloadProgress): void => void heard.push(progress);
    const clip = await openClip("hf:owner/nano", { engine: "cpu", onProgress });
    expect((await clip.embedImages([image("rgb.jpg")])).dim).toBe(8);
    clip.dispose();
  });
  vi.unstubAllEnvs();
  await hub.close();
  await rm(cache, { recursive: true });
  expect([stdout, stderr]).toEqual(["", ""]);
  const size = files.get("model.safetensors")?.byteLength;
  expect(heard).toContainEqual({ file: "model.safetensors", received: size, total: size });
  expect(new Set(heard.map(({ file }) => file)).size).toBe(
    hub.requests.filter((line) => line.startsWith("HEAD")).length,
  );
});

test("a model with a foreign vocabulary embeds images and says that it wants ids", async () => {
  const folder = await mkdtemp(join(tmpdir(), "clip-ts-foreign-"));
  await copyFile(goldenPath("clip-vit/config.json"), join(folder, "config.json"));
  await copyFile(goldenPath("clip-vit/model.safetensors"), join(folder, "model.safetensors"));
  const clip = await openClip(folder, { engine: "cpu" });
  expect((await clip.embedImages([image("rgb.jpg")])).dim).toBe(40);
  await expect(clip.embedTexts(["a cat"])).rejects.toThrow(/Give it token ids instead of text/);
  clip.dispose();
  await rm(folder, { recursive: true });
});
