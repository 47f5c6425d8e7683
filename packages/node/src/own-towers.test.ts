// A model whose towers are defined here, through everything that reads, runs, writes and exports models.
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isClipError, sidesOf } from "@clip-ts/base";
import {
  activate,
  conv2d,
  conv2dSpec,
  dtypeOf,
  embed,
  embeddingSpec,
  flattenTree,
  layerNorm,
  layerNormSpec,
  linear,
  linearSpec,
  normal,
  toHost,
  unflattenLike,
  withTraits,
  type HostArray,
} from "@clip-ts/core";
import { clipPreprocess, preprocess as toPixels, type Pixels } from "@clip-ts/image";
import { trace, type NamedTensors } from "@clip-ts/jit";
import { clipSpec, initClip, lossGradients, preset, type ClipConfig, type ClipParams } from "@clip-ts/model";
import { largestDifference, randomTensor, relativeError, useEngine } from "@clip-ts/test-utils";
import { defineTextTower, type CaptionConfig } from "@clip-ts/text-encoder";
import { defineVisionTower, type ImageConfig } from "@clip-ts/vision-encoder";
import { CLIPModel, env, Tensor as HubTensor } from "@huggingface/transformers";
import {
  add,
  cast,
  div,
  dispose,
  expandDims,
  mean,
  mul,
  notEqual,
  slice,
  sum,
  tensor,
  transpose,
  type Tensor,
} from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { saveCheckpoint } from "./checkpoint.ts";
import { inspectEngine, startEngine } from "@clip-ts/engines";
import { exportOnnxFolder, exportSavedModel } from "./export-model.ts";
import { modelCard } from "./model-card.ts";
import { openClip } from "./open-clip.ts";
import { needTokenizer, tokenizerFor } from "@clip-ts/inference";
import { openModel } from "./open-model.ts";
import { writeModel } from "./write-model.ts";

interface ConvConfig extends ImageConfig {
  readonly widths: readonly number[];
}

/** Strided convolutions and the mean of all places: for images of any size. */
const convnet = defineVisionTower({
  name: "convnet",
  spec({ channels, widths }: ConvConfig) {
    const inputs = [channels, ...widths];
    const stages = widths.map((width, at) => ({
      conv: conv2dSpec(inputs[at]!, width, { kernel: 3, weight: normal(0.3) }),
      norm: layerNormSpec(width),
    }));
    return { stages: stages.map((stage, at) => withTraits(stage, { depth: at })) };
  },
  encode({ stages }, pixels) {
    let x = transpose(pixels, [0, 2, 3, 1]);
    for (const { conv, norm } of stages) {
      x = activate("gelu", layerNorm(norm, conv2d(conv, x, { stride: 2, padding: 1 })));
    }
    return { pooled: mean(x, [1, 2]) };
  },
  width: ({ widths }) => widths.at(-1)!,
});

interface BagConfig extends CaptionConfig {
  readonly dim: number;
}

/** Words with their positions, added up where there is no padding. */
const bag = defineTextTower({
  name: "bag-of-words",
  spec: ({ vocabSize, contextLength, dim }: BagConfig) => ({
    words: embeddingSpec(vocabSize, dim, 0.5),
    places: embeddingSpec(contextLength, dim, 0.5),
    out: linearSpec(dim, dim, { weight: normal(0.5) }),
  }),
  encode({ words, places, out }, ids, { padTokenId, dim }) {
    const counts = expandDims(cast(notEqual(ids, padTokenId), "float32"), 2); // [batch, tokens, 1]
    const positions = slice(places.weight, [0, 0], [ids.shape[1]!, dim]);
    const counted = mul(add(embed(words, ids), positions), counts);
    return { pooled: linear(out, div(sum(counted, 1), sum(counts, 1))) };
  },
  width: ({ dim }) => dim,
});

const towers = [convnet, bag];
const vision = convnet.config({ imageSize: 16, widths: [6, 10] });
const config: ClipConfig = {
  ...preset("nano"),
  vision,
  text: bag.config({ vocabSize: 600, contextLength: 12, dim: 7 }),
};
const preprocess = clipPreprocess(vision.imageSize);
const description = { config, preprocess, ...tokenizerFor(config) };
const texts = ["a red square", "a very small blue star on a big ball", "a dog"];
const picture = (size: number): Pixels => {
  const data = Uint8Array.from({ length: size * size * 3 }, (_, at) => (at * at * 7) % 256);
  return { data, width: size, height: size, channels: 3 };
};

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "clip-ts-own-towers-"));
  const params = initClip(config, 7);
  await writeModel(join(root, "model"), description, params);
  const checkpoint = { step: 1, params, slots: {}, state: {} };
  await saveCheckpoint(join(root, "run"), description, checkpoint);
  dispose(flattenTree<Tensor>(params));
});
afterAll(async () => {
  await useEngine("cpu");
  await rm(root, { recursive: true, force: true });
});

/** Features of one picture, then of the captions. */
async function features(
  model: string,
  options: Omit<NonNullable<Parameters<typeof openClip>[1]>, "towers">,
): Promise<readonly Float32Array[]> {
  const clip = await openClip(join(root, model), { ...options, towers });
  const image = await clip.embedImages([picture(sidesOf(options.imageSize ?? 16).height)]);
  const captions = await clip.embedTexts(texts);
  clip.dispose();
  return [image.values, captions.values];
}

test.each(["model", "run"])("a %s folder is read back with its towers", async (folder) => {
  const found = await openModel(join(root, folder), { towers });
  expect(found.config).toEqual(config);
  expect(needTokenizer(found).encode("a dog")).toEqual(needTokenizer(description).encode("a dog"));
});

test("without its towers, a model says which one it needs", async () => {
  const model = join(root, "model");
  const exported = (): Promise<void> => exportOnnxFolder(model, join(root, "no"));
  for (const open of [() => openModel(model), () => openClip(model), exported]) {
    const error = await open().catch((reason: unknown) => reason);
    if (!isClipError(error)) throw new Error("expected a ClipError");
    expect(error.code).toBe("unsupported");
    expect(error.message).toContain('a vision tower of its own, "convnet"');
  }
});

test.each(["wasm", "onnx", "tensorflow"] as const)("%s computes what cpu computes", async (engine) => {
  if (!inspectEngine(engine).available) {
    return console.warn(`SKIPPED: own towers on ${engine}, which is not set up.`);
  }
  const expected = await features("model", { engine: "cpu" });
  const found = await features("run", { engine });
  found.forEach((values, side) => {
    expect(values.length).toBe(expected[side]!.length);
    expect(largestDifference(values, expected[side]!)).toBeLessThan(1e-5);
  });
});

/** Gradients of every parameter, "d:" before its path; what is given has the batch beside the parameters. */
function gradientsOf({ pixelValues, inputIds, ...leaves }: NamedTensors): NamedTensors {
  const params = unflattenLike(clipSpec(config), leaves) as ClipParams;
  const batch = { pixelValues: pixelValues as Tensor, inputIds: inputIds as Tensor };
  const { gradients } = lossGradients(params, batch, config);
  return Object.fromEntries(Object.entries(gradients).map(([path, one]) => [`d:${path}`, one]));
}

test.each(["onnx", "tensorflow"] as const)("%s computes their gradients", async (engine) => {
  if (!inspectEngine(engine).available) {
    return console.warn(`SKIPPED: gradients of own towers on ${engine}, which is not set up.`);
  }
  await useEngine("cpu");
  const given: NamedTensors = {
    ...flattenTree<Tensor>(initClip(config, 7)),
    pixelValues: randomTensor([3, 3, 16, 16], 1),
    inputIds: tensor([7, 8, 599, 9, 599, 0, 5, 5, 599], [3, 3], "int32"),
  };
  const host: Record<string, HostArray> = {};
  for (const [name, leaf] of Object.entries(given)) host[name] = await toHost(leaf);
  const expected = gradientsOf(given);
  const { compiler } = await startEngine(engine);
  const shapes = Object.entries(host).map(([name, array]) => {
    return [name, { shape: array.shape, dtype: dtypeOf(array) }] as const;
  });
  const program = await compiler!.target(trace(gradientsOf, Object.fromEntries(shapes)));
  const found = await program.run(host);
  await program.dispose();
  expect(Object.keys(found)).toEqual(Object.keys(expected));
  expect(Object.keys(found)).toHaveLength(Object.keys(flattenTree(clipSpec(config))).length);
  for (const [path, gradient] of Object.entries(expected)) {
    const values = await gradient.data<"float32">();
    expect(Math.max(...values.map(Math.abs)), path).toBeGreaterThan(0);
    expect(relativeError(found[path]!.data as Float32Array, values, 1e-3), path).toBeLessThan(1e-4);
  }
});

test("a tower without positions sees images of another size as it is", async () => {
  const [image] = await features("model", { engine: "cpu", imageSize: 24 });
  const [usual] = await features("model", { engine: "cpu" });
  expect(image).toHaveLength(8);
  expect(largestDifference(image!, usual!)).toBeGreaterThan(0);
});

test("the card of such a model says what its towers are", () => {
  const card = modelCard(join(root, "model"), description, { repository: "me/own" });
  expect(card).toContain("| vision tower | convnet, widths [6,10], 16×16 pixels |");
  expect(card).toContain("| text tower | bag-of-words, dim 7, 12 tokens of 600 |");
  expect(card).toContain('openClip("hf:me/own", { towers }); // its own: convnet, bag-of-words');
  expect(card).not.toContain("- transformers");
  expect(card).not.toContain("npx");
});

describe("exported", () => {
  test("transformers.js runs it, since graphs bring their own arithmetic", async () => {
    await useEngine("cpu");
    await exportOnnxFolder(join(root, "model"), join(root, "onnx"), {
      towers,
      precisions: ["f32"],
    });
    const written = JSON.parse(await readFile(join(root, "onnx/config.json"), "utf8")) as object;
    expect(written).toMatchObject({
      model_type: "clip",
      vision: { kind: "own", tower: "convnet" },
    });
    env.allowRemoteModels = false;
    const model = await CLIPModel.from_pretrained(join(root, "onnx"), { dtype: "fp32" });
    const { inputIds, batch, tokens } = needTokenizer(description).encodeBatch(texts);
    const ids = BigInt64Array.from(inputIds, BigInt);
    const output = (await model({
      input_ids: new HubTensor("int64", ids, [batch, tokens]),
      pixel_values: new HubTensor("float32", toPixels(picture(16), preprocess), [1, 3, 16, 16]),
    })) as Readonly<Record<string, HubTensor>>;
    await model.dispose();
    const [image, captions] = await features("model", { engine: "cpu" });
    const valuesOf = (name: string): Float32Array => output[name]!.data as Float32Array;
    expect(largestDifference(valuesOf("image_embeds"), image!)).toBeLessThan(1e-5);
    expect(largestDifference(valuesOf("text_embeds"), captions!)).toBeLessThan(1e-5);
  });

  test("a SavedModel is written too", async () => {
    await exportSavedModel(join(root, "model"), join(root, "saved"), { towers });
    expect(await readdir(join(root, "saved"))).toContain("saved_model.pb");
  });
});
