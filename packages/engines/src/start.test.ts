import { isClipError } from "@clip-ts/base";
import { flattenTree, unflattenLike, valueAndGradient } from "@clip-ts/core";
import { clipSpec, forward, parseClipConfig, type ClipParams } from "@clip-ts/model";
import { trace } from "@clip-ts/jit";
import {
  goldenArrays,
  goldenJson,
  goldenTensors,
  largestDifference,
  randomTensor,
  relativeError,
  useEngine,
} from "@clip-ts/test-utils";
import { dispose, getBackend, matMul, sum, type Tensor, type Tensor2D } from "@tensorflow/tfjs-core";
import { afterAll, describe, expect, test } from "vitest";
import { engineNames, type EngineName } from "./engine.ts";
import { inspectEngine, inspectEngines } from "./inspect.ts";
import { startEngine } from "./start.ts";

const tensorflowEngines = ["tensorflow-gpu", "tensorflow"] as const;
const hasTensorflow = inspectEngine("tensorflow").available;

afterAll(() => useEngine("cpu"));

test("every engine has a row, fastest first", () => {
  const rows = inspectEngines();
  expect(rows.map(({ name }) => name)).toEqual(engineNames);
  expect(engineNames.slice(3)).toEqual(["tensorflow", "onnx", "wasm", "cpu"]);
  for (const row of rows) {
    expect(row.detail).toMatch(/\S/);
    expect([row.name, row.fix === undefined]).toEqual([row.name, row.available]);
  }
  expect(rows.slice(4).map(({ available }) => available)).toEqual([true, true, true]);
  expect(inspectEngine("wasm").detail).toMatch(/^tfjs-backend-wasm 4\.\d+\.\d+, SIMD/);
});

for (const name of ["cpu", "wasm"] as const) {
  test(`${name} starts when asked for, as often as one likes`, async () => {
    for (let round = 0; round < 2; round++) {
      const started = await startEngine(name);
      expect(started).toMatchObject({ name, reason: "asked for" });
      expect(started.detail).toBe(inspectEngine(name).detail);
      expect(getBackend()).toBe(name);
    }
  });
}

test("onnx runs traced graphs", async () => {
  const { compiler } = await startEngine("onnx");
  const graph = trace(({ a, b }) => ({ c: matMul(a as Tensor2D, b as Tensor2D) }), {
    a: { shape: [2, 3] },
    b: { shape: [3, 2] },
  });
  const compiled = await compiler?.target(graph);
  const a = { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] };
  const results = await compiled?.run({ a, b: { data: a.data, shape: [3, 2] } });
  expect(results?.["c"]).toEqual({ data: Float32Array.of(22, 28, 49, 64), shape: [2, 2] });
  await compiled?.dispose();
});

test("an unknown engine is an error that lists the known ones", async () => {
  const starting = startEngine("abacus" as EngineName);
  await expect(starting).rejects.toMatchObject({ code: "bad-config", data: { name: "abacus" } });
  await expect(starting).rejects.toThrow(
    'There is no engine "abacus". Engines: auto, tensorflow-gpu, onnx-gpu, webgpu, tensorflow, onnx, wasm, cpu.',
  );
});

describe.skipIf(hasTensorflow)("without TensorFlow's native part", () => {
  test("auto starts onnx, beside wasm, and says what the faster engines lack", async () => {
    const { name, reason, compiler } = await startEngine();
    expect(name).toBe("onnx");
    expect(getBackend()).toBe("wasm");
    expect(compiler?.target).toBeTypeOf("function");
    for (const engine of tensorflowEngines) {
      expect(reason).toContain(`${engine}: ${inspectEngine(engine).detail}`);
    }
  });

  for (const name of tensorflowEngines) {
    test(`asking for ${name} is an error with the way to get it`, async () => {
      const { detail, fix } = inspectEngine(name);
      expect(detail).toMatch(
        /^@tensorflow\/tfjs-node(-gpu)? (4\.22\.0 is installed without its native part|is not installed)$/,
      );
      const error: unknown = await startEngine(name).catch((caught: unknown) => caught);
      expect(isClipError(error) && error.code).toBe("engine-unavailable");
      expect(String(error)).toContain(`The engine "${name}" cannot run here: ${detail}. To fix it: ${fix}`);
    });
  }
});

if (!hasTensorflow) {
  console.warn(`Skipped: tests of TensorFlow, as ${inspectEngine("tensorflow").detail}.`);
}

describe.skipIf(!hasTensorflow)("with TensorFlow's native part", () => {
  async function start(): Promise<void> {
    const started = await startEngine("tensorflow");
    expect(started.detail).toMatch(/^TensorFlow \d+\.\d+\.\d+, (CPU, \d+ threads?(, fused rows)?(, own GEMM)?$|GPU)/);
    expect(getBackend()).toBe("tensorflow");
  }

  test("it is the automatic choice", async () => {
    const { name, reason } = await startEngine();
    expect(name).toMatch(/^tensorflow/);
    expect(reason).not.toContain("wasm");
    expect(engineNames.indexOf(name)).toBeLessThan(engineNames.indexOf("wasm"));
  });

  test("a GPU that is not there is an error", async () => {
    const started = await startEngine("tensorflow-gpu").catch((error: unknown) => error);
    if (!isClipError(started)) return expect(started).toMatchObject({ name: "tensorflow-gpu" });
    expect(started.code).toBe("engine-unavailable");
  });

  test("outputs and every gradient equal Hugging Face's CLIPModel", async () => {
    await start();
    const config = parseClipConfig(goldenJson("clip-vit/config.json"));
    const params = unflattenLike(clipSpec(config), goldenTensors("clip-vit/model.safetensors")) as ClipParams;
    const inputs = goldenTensors("clip-vit/io.safetensors");
    const batch = { pixelValues: inputs["pixel_values"]!, inputIds: inputs["input_ids"]! };
    const { gradient, aux } = valueAndGradient((tree: ClipParams) => {
      const { loss, imageFeatures, textFeatures } = forward(tree, batch, config);
      return { loss, aux: { imageFeatures, textFeatures } };
    }, params);
    const expected = goldenArrays("clip-vit/io.safetensors");
    const pairs: [Tensor, string][] = [
      [aux!.imageFeatures, "image_embeds"],
      [aux!.textFeatures, "text_embeds"],
    ];
    for (const [features, name] of pairs) {
      expect(largestDifference(await features.data(), expected[name]!.values)).toBeLessThan(1e-5);
    }
    const gradients = flattenTree<Tensor>(gradient);
    const references = Object.entries(goldenArrays("clip-vit/grads.safetensors"));
    expect(references).toHaveLength(Object.keys(gradients).length);
    for (const [path, { values }] of references) {
      expect(relativeError(await gradients[path]!.data(), values, 1e-3)).toBeLessThan(1e-4);
    }
    dispose([inputs, flattenTree(params), gradients, Object.values(aux!)] as never);
  });

  test("the same gradient comes out every time, and the oracle's", async () => {
    const gradientOnce = async (): Promise<Float32Array> => {
      const [left, right] = [randomTensor([37, 65], 1), randomTensor([65, 29], 2)];
      const { value, gradient } = valueAndGradient(
        (tree: { left: Tensor }) => ({
          loss: sum(matMul(tree.left as Tensor2D, right as Tensor2D)),
        }),
        { left },
      );
      const values = await gradient.left.data<"float32">();
      dispose([left, right, value, gradient.left]);
      return values;
    };
    await useEngine("cpu");
    const oracle = await gradientOnce();
    await start();
    for (let round = 0; round < 20; round++) {
      expect(relativeError(await gradientOnce(), oracle)).toBeLessThan(1e-5);
    }
  });
});
