// open_clip's options that only CLIPA or no published model has, against open_clip: tools/peers/make_options.py.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { flattenTree, unflattenLike } from "@clip-ts/core";
import { inspectEngine, startEngine } from "@clip-ts/engines";
import { atResolution, closing, loadEmbedder, loadModelParams } from "@clip-ts/inference";
import { trace, type NamedTensors, type Target } from "@clip-ts/jit";
import {
  clipSpec,
  formatClipConfig,
  formatOpenClipConfig,
  lossGradients,
  parseClipConfig,
  type ClipConfig,
  type ClipParams,
  type PairBatch,
} from "@clip-ts/model";
import { goldenArrays, goldenPath, relativeError, useEngine, type GoldenArray } from "@clip-ts/test-utils";
import { convertTensors, toFloat32, type HostTensor } from "@clip-ts/weights";
import { CLIPModel, env, Tensor as OnnxTensor } from "@huggingface/transformers";
import { tensor, type Tensor } from "@tensorflow/tfjs-core";
import { afterAll, expect, test } from "vitest";
import { exportOnnxFolder } from "./export-model.ts";
import { openModel } from "./open-model.ts";

env.allowRemoteModels = false;

afterAll(() => useEngine("cpu"));

/** What the original computed for a variant. */
type Expected = Readonly<Record<string, GoldenArray>>;

/** The gradients of the file under clip-ts's own names. */
async function gradientsIn(expected: Expected): Promise<Record<string, HostTensor>> {
  const hosted = Object.entries(expected).flatMap(([name, { values, ...array }]) => {
    if (!name.startsWith("gradient:")) return [];
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    return [[name.slice("gradient:".length), { ...array, bytes }] as [string, HostTensor]];
  });
  return convertTensors(Object.fromEntries(hosted), "huggingface");
}

const upload = ({ values, shape, dtype }: GoldenArray): Tensor =>
  tensor(values, [...shape], dtype === "I32" ? "int32" : "float32");

/** Features, loss and gradients in one flat record. */
function outputsOf(config: ClipConfig, leaves: NamedTensors, batch: PairBatch): NamedTensors {
  const params = unflattenLike(clipSpec(config), leaves) as ClipParams;
  const { output, gradients } = lossGradients(params, batch, config);
  const { imageFeatures, textFeatures, loss } = output;
  const named = Object.entries(gradients).map(([path, gradient]) => [`gradient:${path}`, gradient] as const);
  return { image_embeds: imageFeatures, text_embeds: textFeatures, loss, ...Object.fromEntries(named) };
}

/** The same numbers, from a graph that an engine compiles, or operation by operation. */
async function compute(
  config: ClipConfig,
  leaves: NamedTensors,
  { batch, target }: { readonly batch: PairBatch; readonly target: Target | undefined },
): Promise<Record<string, Float32Array>> {
  const inputs = Object.entries({ ...batch, ...leaves } as NamedTensors);
  const valuesOf = async (named: NamedTensors): Promise<Record<string, Float32Array>> =>
    Object.fromEntries(
      await Promise.all(Object.entries(named).map(async ([name, leaf]) => [name, await leaf.data()] as const)),
    ) as Record<string, Float32Array>;
  if (target === undefined) return valuesOf(outputsOf(config, leaves, batch));
  const graph = trace(
    ({ pixelValues, inputIds, ...named }) =>
      outputsOf(config, named, { pixelValues: pixelValues!, inputIds: inputIds! }),
    Object.fromEntries(inputs.map(([name, { shape, dtype }]) => [name, { shape, dtype: dtype as "float32" }])),
  );
  const program = await target(graph);
  const data = await valuesOf(Object.fromEntries(inputs));
  const outputs = await program.run(
    Object.fromEntries(inputs.map(([name, { shape }]) => [name, { data: data[name]!, shape }])),
  );
  await program.dispose();
  return Object.fromEntries(Object.entries(outputs).map(([name, { data: values }]) => [name, values as Float32Array]));
}

const variants = ["clipa", "blocks", "queries", "queries-mean", "cascade"] as const;

for (const engine of ["cpu", "wasm", "onnx", "tensorflow"] as const) {
  const isHere = inspectEngine(engine).available;
  test.skipIf(!isHere).each(variants)(
    `%s: features, loss and every gradient are open_clip's (${engine})`,
    async (name) => {
      const { compiler } = await startEngine(engine);
      const place = `open-clip-options/${name}`;
      const model = await openModel(goldenPath(place));
      const { config } = model;
      const leaves = flattenTree<Tensor>(await closing(model, loadModelParams));
      const expected = goldenArrays(`${place}/io.safetensors`);
      const batch = { pixelValues: upload(expected["pixel_values"]!), inputIds: upload(expected["input_ids"]!) };
      const actual = await compute(config, leaves, { batch, target: compiler?.target });
      for (const key of ["image_embeds", "text_embeds", "loss"]) {
        expect(relativeError(actual[key]!, expected[key]!.values), key).toBeLessThan(1e-5);
      }
      const gradients = await gradientsIn(expected);
      const found = Object.keys(actual).flatMap((key) => (key.startsWith("gradient:") ? [key.slice(9)] : []));
      expect(found.toSorted()).toEqual(Object.keys(gradients).toSorted());
      for (const [path, gradient] of Object.entries(gradients)) {
        // A key's bias moves all scores of a query alike, so without a norm its gradient is the rounding of others'.
        const least = path.endsWith("k_proj.bias") ? 1e-2 : 1e-3;
        const error = relativeError(actual[`gradient:${path}`]!, toFloat32(gradient), least);
        expect(error, path).toBeLessThan(1e-4);
      }
    },
  );
}

test.each([
  [8, 20],
  [20, 13],
  [24, 16],
] as const)("a model opened for images of %i x %i pixels has open_clip's features", async (height, width) => {
  await useEngine("cpu");
  const sizes = goldenArrays("open-clip-options/clipa/at-sizes.safetensors");
  const opened = atResolution(await openModel(goldenPath("open-clip-options/clipa")), [height, width]);
  const embedder = await closing(opened, (model) => loadEmbedder(model));
  const pixels = sizes[`pixels ${height}x${width}`]!;
  const features = await embedder.images(pixels.values as Float32Array, 2);
  embedder.dispose();
  expect(relativeError(features, sizes[`features ${height}x${width}`]!.values)).toBeLessThan(1e-5);
});

test.each(variants)("%s is written in clip-ts's own form and in open_clip's, and read again", async (name) => {
  const { config } = await openModel(goldenPath(`open-clip-options/${name}`));
  const own: unknown = JSON.parse(JSON.stringify(formatClipConfig(config)));
  expect(parseClipConfig(own)).toEqual(config);
  const written: unknown = JSON.parse(JSON.stringify(formatOpenClipConfig(config)));
  expect(parseClipConfig(written)).toEqual(config);
});

test.each(variants)("%s is exported, and @huggingface/transformers gives open_clip's features", async (name) => {
  await useEngine("cpu");
  const place = `open-clip-options/${name}`;
  const folder = await mkdtemp(join(tmpdir(), "clip-ts-options-"));
  try {
    await exportOnnxFolder(goldenPath(place), folder, { precisions: ["f32"] });
    const { input_ids: ids, pixel_values: pixels, ...expected } = goldenArrays(`${place}/io.safetensors`);
    const model = await CLIPModel.from_pretrained(folder);
    const output = (await model({
      input_ids: new OnnxTensor("int64", BigInt64Array.from(ids!.values, BigInt), [...ids!.shape]),
      pixel_values: new OnnxTensor("float32", pixels!.values as Float32Array, [...pixels!.shape]),
    })) as Readonly<Record<string, OnnxTensor>>;
    await model.dispose();
    for (const key of ["image_embeds", "text_embeds"]) {
      expect(relativeError(output[key]!.data as Float32Array, expected[key]!.values), key).toBeLessThan(1e-5);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
