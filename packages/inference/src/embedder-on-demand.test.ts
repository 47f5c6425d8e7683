import { randomStream } from "@clip-ts/base";
import { initHostParams } from "@clip-ts/core";
import { startEngine } from "@clip-ts/engines";
import { clipPreprocess } from "@clip-ts/image";
import { clipSpec, preset, type ClipConfig } from "@clip-ts/model";
import { largestDifference, tensorsLeftBy, useEngine } from "@clip-ts/test-utils";
import { bytesSource, convertTensors, fromFloat32, openWeights, serializeSafetensors, toBytes } from "@clip-ts/weights";
import { afterAll, expect, test } from "vitest";
import { embedderOnDemand } from "./embedder-on-demand.ts";
import { loadEmbedder, modelIn, type Model } from "./model.ts";

afterAll(() => useEngine("cpu"));

const nano = preset("nano");
const random = randomStream(5, "inputs");
const pixels = Float32Array.from({ length: 2 * 3 * 8 * 8 }, () => random.normal());
const { endTokenId } = nano.text;
const texts = { inputIds: Int32Array.of(4, 5, 6, endTokenId, 7, endTokenId, 0, 0), batch: 2, tokens: 4 };

interface Watched {
  readonly model: Model;
  /** Names of tensors in the order in which they were read. */
  readonly read: readonly string[];
  readonly isClosed: () => boolean;
}

/** A model in memory that notes what is read of it. */
async function watchedModel(config: ClipConfig, layout: "huggingface" | "openai" = "huggingface"): Promise<Watched> {
  const arrays = initHostParams(clipSpec(config), 9);
  const own = Object.fromEntries(
    Object.entries(arrays).map(([name, { data, shape }]) => [name, fromFloat32(data as Float32Array, shape)]),
  );
  const stored = layout === "openai" ? await convertTensors(own, layout, { heads: { vision: 2, text: 2 } }) : own;
  const file = await openWeights(bytesSource(toBytes(serializeSafetensors(stored))), "nano");
  const read: string[] = [];
  let isClosed = false;
  const files = {
    name: "nano",
    place: "nano",
    pathOf: String,
    readText: async () => undefined,
    open: async () => undefined,
  };
  const model: Model = {
    ...modelIn(files, { config, preprocess: clipPreprocess(8) }),
    weights: async () => ({
      ...file,
      read(name, rows) {
        read.push(name);
        return file.read(name, rows);
      },
    }),
    graphs: async () => undefined,
    close: async () => void (isClosed = true),
  };
  return { model, read, isClosed: () => isClosed };
}

test("towers on demand may keep weights with fewer bits, and read one tower only", async () => {
  await useEngine("cpu");
  const { compiler } = await startEngine("onnx", { dtype: "q8" });
  const whole = await loadEmbedder((await watchedModel(nano)).model, compiler);
  const { model, read } = await watchedModel(nano);
  const parts = await embedderOnDemand(model, compiler);
  expect(largestDifference(await parts.texts(texts), await whole.texts(texts))).toBe(0);
  expect(read.some((name) => name.startsWith("vision_model"))).toBe(false);
  expect(largestDifference(await parts.images(pixels, 2), await whole.images(pixels, 2))).toBe(0);
  parts.dispose();
  whole.dispose();
});

test.each(["cpu", "onnx"] as const)(
  "towers on demand give what the whole model gives, to the bit, with %s",
  async (name) => {
    await useEngine("cpu");
    const { compiler } = name === "onnx" ? await startEngine("onnx") : {};
    const whole = await loadEmbedder((await watchedModel(nano)).model, compiler);
    const left = await tensorsLeftBy(async () => {
      for (const layout of ["huggingface", "openai"] as const) {
        const { model } = await watchedModel(nano, layout);
        const parts = await embedderOnDemand(model, compiler);
        expect(parts.logitScale).toBe(whole.logitScale);
        expect(largestDifference(await parts.texts(texts), await whole.texts(texts))).toBe(0);
        expect(largestDifference(await parts.images(pixels, 2), await whole.images(pixels, 2))).toBe(0);
        parts.dispose();
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
    whole.dispose();
    expect(left).toBe(0);
  },
);

test("a caption makes nothing of the vision tower be read, and disposing closes the model", async () => {
  await useEngine("cpu");
  const { model, read, isClosed } = await watchedModel(nano);
  const embedder = await embedderOnDemand(model);
  expect(read).toEqual(["logit_scale"]);
  await embedder.texts(texts);
  expect(read.length).toBeGreaterThan(5);
  expect(read.filter((name) => name.startsWith("visi") || name.startsWith("visual"))).toEqual([]);
  await embedder.images(pixels, 2);
  expect(read.some((name) => name.startsWith("vision_model."))).toBe(true);
  const once = read.length;
  await embedder.texts(texts);
  expect(read).toHaveLength(once);
  embedder.dispose();
  expect(isClosed()).toBe(true);
  await expect(embedder.texts(texts)).rejects.toThrow(/dispose it only after its last use/);
});

test("the bias of a sigmoid model is there, and a file that lacks a tower's tensor is refused at once", async () => {
  const sigmoid: ClipConfig = { ...nano, loss: { kind: "sigmoid" } } as ClipConfig;
  const { model } = await watchedModel(sigmoid);
  const embedder = await embedderOnDemand(model);
  expect(embedder.logitBias).toBeTypeOf("number");
  embedder.dispose();
  const torn: Model = {
    ...model,
    async weights() {
      const file = await model.weights();
      return { ...file, names: file.names.filter((name) => name !== "visual_projection.weight") };
    },
  };
  await expect(embedderOnDemand(torn)).rejects.toThrow(/visual_projection\.weight: missing from the file/);
});
