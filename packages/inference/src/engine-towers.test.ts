import { randomStream } from "@clip-ts/base";
import { flattenTree, initHostParams } from "@clip-ts/core";
import type { Target } from "@clip-ts/jit";
import { clipSpec, eagerEmbedder, initClip, preset } from "@clip-ts/model";
import { largestDifference, tensorsLeftBy, useEngine } from "@clip-ts/test-utils";
import { dispose, memory, type Tensor } from "@tensorflow/tfjs-core";
import { afterAll, expect, test } from "vitest";
import { compileTowers, engineEmbedder, engineTowers } from "./compiled-towers.ts";
import { startEngine } from "@clip-ts/engines";

afterAll(() => useEngine("cpu"));

const config = preset("nano");
const random = randomStream(5, "inputs");
const pixels = Float32Array.from({ length: 3 * 3 * 8 * 8 }, () => random.normal());
const { endTokenId } = config.text;
const texts = {
  inputIds: Int32Array.of(4, 5, 6, endTokenId, 7, endTokenId, 0, 0),
  batch: 2,
  tokens: 4,
};

test("the compiled towers compute what the eager ones compute, for every batch size", async () => {
  await useEngine("cpu");
  const eager = await eagerEmbedder(initClip(config, 9), config);
  const images = [await eager.images(pixels, 3), await eager.images(pixels.slice(0, 192), 1)];
  const captions = await eager.texts(texts);
  eager.dispose();

  const { compiler } = await startEngine("onnx");
  if (compiler === undefined) throw new Error("onnx compiles");
  const left = await tensorsLeftBy(async () => {
    const compiled = await engineEmbedder(initClip(config, 9), config, compiler);
    for (let round = 0; round < 2; round++) {
      const all = await compiled.images(pixels, 3);
      const one = await compiled.images(pixels.slice(0, 192), 1);
      expect(largestDifference(all, images[0] ?? [])).toBeLessThan(1e-5);
      expect(largestDifference(one, images[1] ?? [])).toBeLessThan(1e-5);
      expect(largestDifference(await compiled.texts(texts), captions)).toBeLessThan(1e-5);
    }
    expect(compiled.logitScale).toBeCloseTo(eager.logitScale, 6);
    compiled.dispose();
  });
  expect(left).toBe(0);
});

test("disposed towers and their embedders say so, and nothing is compiled again", async () => {
  const { compiler } = await startEngine("onnx");
  if (compiler === undefined) throw new Error("onnx compiles");
  let compiled = 0;
  const target: Target = (graph, use) => {
    compiled++;
    return compiler.target(graph, use);
  };
  const towers = compileTowers(config, target);
  const [first, second] = [
    await towers.withWeights(initClip(config, 1)),
    await towers.withWeights(initClip(config, 2)),
  ];
  first.dispose();
  await expect(first.texts(texts)).rejects.toThrow(/^This embedder was disposed.*Load the weights/u);
  expect(await second.images(pixels, 3)).toHaveLength(3 * config.projectionDim);
  towers.dispose();
  await expect(second.images(pixels, 3)).rejects.toThrow(/^This pair of compiled towers was disposed/u);
  const late = initClip(config, 3);
  await expect(towers.withWeights(late)).rejects.toMatchObject({ code: "disposed" });
  dispose(Object.values(flattenTree<Tensor>(late)));
  second.dispose();
  expect(compiled).toBe(1);
});

test("without a compiler the towers run operation by operation, with each one's own weights", async () => {
  await useEngine("cpu");
  const left = await tensorsLeftBy(async () => {
    const towers = engineTowers(config, undefined);
    for (const seed of [9, 10]) {
      const eager = await eagerEmbedder(initClip(config, seed), config);
      const embedder = await towers.withWeights(initClip(config, seed));
      expect(await embedder.images(pixels, 3)).toEqual(await eager.images(pixels, 3));
      expect(await embedder.texts(texts)).toEqual(await eager.texts(texts));
      for (const one of [eager, embedder]) one.dispose();
    }
    towers.dispose();
  });
  expect(left).toBe(0);
});

test.each(["cpu", "wasm", "onnx"] as const)(
  "host arrays give what tensors give, bit for bit (%s); compiled, none is made of them",
  async (name) => {
    const { compiler } = await startEngine(name);
    const left = await tensorsLeftBy(async () => {
      const before = memory().numTensors;
      const ofArrays = await engineEmbedder(initHostParams(clipSpec(config), 9), config, compiler);
      if (compiler !== undefined) expect(memory().numTensors).toBe(before);
      const ofTensors = await engineEmbedder(initClip(config, 9), config, compiler);
      expect(ofArrays.logitScale).toBe(ofTensors.logitScale);
      expect(await ofArrays.images(pixels, 3)).toEqual(await ofTensors.images(pixels, 3));
      expect(await ofArrays.texts(texts)).toEqual(await ofTensors.texts(texts));
      for (const one of [ofArrays, ofTensors]) one.dispose();
    });
    expect(left).toBe(0);
  },
);
