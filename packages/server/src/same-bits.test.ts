import { afterAll, describe, expect, test } from "vitest";
import type { EngineName } from "@clip-ts/engines";
import { createFeatures, imageGroup } from "./features.ts";
import { equalSizes } from "./equal-sizes.ts";
import { nanoModel, picture, post, serve } from "./fixtures/serve-nano.ts";

const base64 = async (number: number): Promise<string> => (await picture(number)).toString("base64");
const captions = ["a", "a cat", "two dogs", "a red ball on the green lawn behind our small house"];

/** What a server gives for inputs, each as base64. */
async function embed(url: string, input: readonly object[]): Promise<string[]> {
  const response = await post(`${url}/v1/embeddings`, { input, encoding_format: "base64" });
  const { data } = (await response.json()) as { readonly data: readonly { readonly embedding: string }[] };
  return data.map(({ embedding }) => embedding);
}

describe.each([
  ["onnx", "nano"],
  ["onnx", "tiny"],
  ["onnx", "naflex"],
  ["wasm", "nano"],
  ["cpu", "nano"],
] as const)("on %s a %s model gives the same bytes", (engine: EngineName, preset) => {
  test("alone, at every place of a batch, and while others ask", async () => {
    const model = await nanoModel(engine, preset);
    const running = await serve(model, { limits: { batch: 8 } });
    try {
      const pictures = await Promise.all(Array.from({ length: 9 }, async (_, at) => ({ image: await base64(at) })));
      const texts = captions.map((text) => ({ text }));
      const alone = async (input: object): Promise<string> => (await embed(running.url, [input]))[0] ?? "";
      const wanted: string[] = [];
      for (const input of [...pictures, ...texts]) wanted.push(await alone(input));
      expect(new Set(wanted).size).toBe(wanted.length);
      for (let shift = 0; shift < pictures.length; shift++) {
        const turned = [...pictures.slice(shift), ...pictures.slice(0, shift)];
        const rows = await embed(running.url, turned);
        expect(rows).toEqual(turned.map((_, at) => wanted[(at + shift) % pictures.length]));
      }
      const mixed = Array.from({ length: 120 }, (_, at) => (7 * at) % wanted.length);
      const found = await Promise.all(mixed.map((at) => alone([...pictures, ...texts][at] ?? {})));
      expect(found).toEqual(mixed.map((at) => wanted[at]));
    } finally {
      await running.close();
      model.embedder.dispose();
    }
  });
});

describe("sizes", () => {
  const sum = (probes: readonly number[]): number => probes.reduce((total, probe) => total + probe, 0);

  test("that agree with the largest are kept, and all of an engine that sums alike", async () => {
    const rows = (probes: readonly number[], extra: number) =>
      Promise.resolve(Float32Array.from(probes, (at) => at + extra));
    expect(await equalSizes({ most: 16, dim: 1, run: (probes) => rows(probes, 0) })).toEqual([2, 4, 8, 16]);
    const small = (probes: readonly number[]) => rows(probes, probes.length < 8 ? 1e-3 : 0);
    expect(await equalSizes({ most: 16, dim: 1, run: small })).toEqual([8, 16]);
  });

  test("rows that depend on their neighbours or their place are computed alone", async () => {
    const place = (probes: readonly number[]) => Promise.resolve(Float32Array.from(probes, (at, row) => at + row / 64));
    expect(await equalSizes({ most: 8, dim: 1, run: place })).toEqual([1]);
    const ends = (probes: readonly number[]) =>
      Promise.resolve(Float32Array.from(probes, (at) => at + (probes[0] === 0 ? 0 : sum(probes) / 64)));
    expect(await equalSizes({ most: 8, dim: 1, run: ends })).toEqual([1]);
  });
});

describe("an engine that compiles for every shape", () => {
  const models: { dispose(): void }[] = [];
  afterAll(() => {
    for (const each of models) each.dispose();
  });

  test("always gets one", async () => {
    const model = await nanoModel("onnx");
    models.push(model.embedder);
    const shapes: number[] = [];
    const embedder = {
      ...model.embedder,
      images: (pixels: Float32Array, rows: number) => (shapes.push(rows), model.embedder.images(pixels, rows)),
    };
    const features = createFeatures({ ...model, embedder, engine: { ...model.engine, compiler: { target: {} } } }, 4);
    expect(await features.sizesOf(imageGroup)).toEqual([4]);
    await Promise.all([1, 2, 3, 4, 5].map(() => features.image(new Float32Array(3 * 64))));
    expect(shapes).toEqual([4, 4]);
  });
});
