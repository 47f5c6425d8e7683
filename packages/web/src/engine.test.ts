// Engines where there is no page: in Node, on one thread. Threads, workers and families of models are tried in
// a real browser, in apps/demo.
import { linear, linearSpec, normal } from "@clip-ts/core";
import { clipPreprocess, formatPreprocessorConfig, type Pixels } from "@clip-ts/image";
import { formatClipConfig, initClip, preset, type OwnTower } from "@clip-ts/model";
import { largestDifference, useEngine } from "@clip-ts/test-utils";
import { createClipTokenizer } from "@clip-ts/tokenizer";
import { defineVisionTower, type ImageConfig } from "@clip-ts/vision-encoder";
import { saveParams, toBytes } from "@clip-ts/weights";
import { getBackend, mean, memory, tan } from "@tensorflow/tfjs-core";
import { afterEach, expect, test } from "vitest";
import { startEngine, type StartedEngine } from "./engine.ts";
import { openClip, type OpenClipOptions } from "./open-clip.ts";

afterEach(() => useEngine("cpu"));

const nano = preset("nano");
const photos = Array.from({ length: 5 }, (_, image): Pixels => ({
  data: Uint8Array.from({ length: 12 * 9 * 3 }, (_, index) => (index * (image + 7)) % 256),
  width: 12,
  height: 9,
  channels: 3,
}));

/** Serves a model of this config, and hears which engine runs it and what is said. */
async function serving(config: typeof nano, towers: readonly OwnTower[] = []) {
  const weights = toBytes(await saveParams(initClip(config, 5)));
  const files: Record<string, unknown> = {
    "config.json": formatClipConfig(config),
    "preprocessor_config.json": formatPreprocessorConfig(clipPreprocess(8)),
    ...createClipTokenizer({ contextLength: 12, vocabSize: 600 }).files(),
  };
  const engines: StartedEngine[] = [];
  const notices: string[] = [];
  const options: OpenClipOptions = {
    towers,
    fetch: async (url) => {
      const name = url.slice(url.lastIndexOf("/") + 1);
      if (name === "model.safetensors") return new Response(Uint8Array.from(weights));
      return name in files ? Response.json(files[name]) : new Response("", { status: 404 });
    },
    onEngine: (engine) => engines.push(engine),
    onNotice: (line) => notices.push(line),
  };
  return { options, engines, notices };
}

test("ONNX Runtime is chosen, and says why on one thread; tfjs computes nothing", async () => {
  const { options, engines, notices } = await serving(nano);
  const eager = await openClip("https://models.test/nano", { ...options, engine: "current" });
  const texts = ["a cat", "one two three four five six seven"];
  const expected = [await eager.embedImages(photos), await eager.embedTexts(texts)] as const;
  eager.dispose();
  const before = memory().numTensors;

  const clip = await openClip("https://models.test/nano", options);
  expect(memory().numTensors).toBe(before);
  expect(getBackend()).toBe("cpu");
  for (const batch of [photos, photos.slice(0, 1), photos.slice(0, 3)]) {
    const { values, dim } = await clip.embedImages(batch);
    const same = expected[0].values.subarray(0, batch.length * dim);
    expect(largestDifference(values, same)).toBeLessThan(1e-5);
  }
  for (const [start, end] of [
    [0, 1],
    [1, 2],
    [0, 2],
  ] as const) {
    const { values, dim } = await clip.embedTexts(texts.slice(start, end));
    const same = expected[1].values.subarray(start * dim, end * dim);
    expect(largestDifference(values, same)).toBeLessThan(1e-5);
  }
  expect(memory().numTensors).toBe(before);
  clip.dispose();
  await expect(clip.embedImages(photos)).rejects.toThrow(/^This model was disposed/u);

  expect(engines.map(({ name, threads }) => [name, threads])).toEqual([
    ["current", 1],
    ["onnx", 1],
  ]);
  expect(engines[1]).toMatchObject({
    detail: expect.stringMatching(/compiled by ONNX Runtime 1\.\d+\.\d+, WebAssembly, 1 thread$/u),
    reason: expect.stringMatching(/^onnx-gpu: .*no WebGPU.*one thread.*not cross-origin isolated$/u),
  });
  expect(notices).toEqual([]);
});

test("a model that cannot be compiled runs on TensorFlow.js, which is said", async () => {
  const tangents = defineVisionTower({
    name: "tangents",
    spec: ({ channels, width }: ImageConfig & { readonly width: number }) => ({
      map: linearSpec(channels, width, { weight: normal(1) }),
    }),
    encode: ({ map }, pixels) => ({ pooled: linear(map, tan(mean(pixels, [2, 3]))) }),
    width: ({ width }) => width,
  });
  const own = { ...nano, vision: tangents.config({ imageSize: 8, width: 6 }) } as never;
  const { options, engines, notices } = await serving(own, [tangents]);
  const eager = await openClip("https://models.test/own", { ...options, engine: "current" });
  const { values } = await eager.embedImages(photos);
  eager.dispose();

  const clip = await openClip("https://models.test/own", options);
  expect(engines.at(-1)).toMatchObject({ name: "wasm", threads: 1 });
  expect(notices).toEqual([expect.stringMatching(/^onnx does not take this model: .*Tan.*slower/u)]);
  expect(largestDifference((await clip.embedImages(photos)).values, values)).toBeLessThan(1e-5);
  clip.dispose();
  await expect(openClip("https://models.test/own", { ...options, engine: "onnx" })).rejects.toThrow(/Tan/u);
});

test("what no engine can be is refused", async () => {
  await expect(startEngine("cuda" as never)).rejects.toThrow(
    'There is no engine "cuda". Engines: auto, onnx-gpu, onnx, wasm, current.',
  );
  await expect(startEngine("onnx-gpu")).rejects.toThrow(/no WebGPU/u);
});
