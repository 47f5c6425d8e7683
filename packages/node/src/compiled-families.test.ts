import { dirname } from "node:path";
import { randomStream } from "@clip-ts/base";
import { flattenTree, unflattenLike } from "@clip-ts/core";
import { trace, type HostArray, type NamedTensors } from "@clip-ts/jit";
import { onnxTarget } from "@clip-ts/onnx";
import {
  clipSpec,
  initClip,
  lossGradients,
  preset,
  type ClipConfig,
  type ClipParams,
  type ForwardOptions,
  type PairBatch,
} from "@clip-ts/model";
import {
  goldenArrays,
  renamedArrays,
  type GoldenArray,
  goldenPath,
  goldenTensors,
  largestDifference,
  randomTensor,
  relativeError,
  useEngine,
} from "@clip-ts/test-utils";
import { drawTextDropout, type RobertaTextConfig } from "@clip-ts/text-encoder";
import { pixelForm } from "@clip-ts/vision-encoder";
import { convertTensors } from "@clip-ts/weights";
import { tensor, type Tensor } from "@tensorflow/tfjs-core";
import * as runtime from "onnxruntime-node";
import { beforeAll, expect, test } from "vitest";
import { closing, loadModelParams } from "@clip-ts/inference";
import { openModel } from "./open-model.ts";

type Arrays = Readonly<Record<string, HostArray>>;

/** A model and pairs for it. */
interface Case {
  readonly config: ClipConfig;
  readonly params: ClipParams;
  readonly batch: PairBatch;
  readonly options: ForwardOptions;
}

beforeAll(() => useEngine("wasm"));

/** Everything a pass and its gradients give, in one flat record. */
function outputsOf({ config, params, batch, options }: Case): NamedTensors {
  const { output, gradients } = lossGradients(params, batch, config, options);
  const { statistics, ...tensors } = output;
  return { ...tensors, ...prefixed("next", statistics), ...prefixed("gradient", gradients) };
}

const prefixed = (prefix: string, leaves: NamedTensors): NamedTensors =>
  Object.fromEntries(Object.entries(leaves).map(([path, leaf]) => [`${prefix}:${path}`, leaf]));

/** The same, compiled by ONNX Runtime. */
async function compiledOutputs(given: Case): Promise<Arrays> {
  const { config, batch } = given;
  const all = { ...batch, ...flattenTree<Tensor>(given.params) } as NamedTensors;
  const inputs = Object.entries(all);
  const ofBatch = ([name]: readonly [string, unknown]): boolean => name in batch;
  const graph = trace(
    (named) => {
      const own = Object.entries(named).filter(ofBatch);
      const leaves = Object.entries(named).filter((entry) => !ofBatch(entry));
      return outputsOf({
        ...given,
        params: unflattenLike(clipSpec(config), Object.fromEntries(leaves)) as ClipParams,
        batch: Object.fromEntries(own) as unknown as PairBatch,
      });
    },
    Object.fromEntries(inputs.map(([name, { shape, dtype }]) => [name, { shape, dtype: dtype as "float32" }])),
  );
  const program = await onnxTarget({ runtime, threads: 1 })(graph);
  const arrays = inputs.map(async ([name, leaf]): Promise<[string, HostArray]> => {
    return [name, { data: (await leaf.data()) as Float32Array, shape: leaf.shape }];
  });
  const outputs = await program.run(Object.fromEntries(await Promise.all(arrays)));
  await program.dispose();
  return outputs;
}

/** The model and the pairs of a reference folder. */
async function load(file: string, options: ForwardOptions): Promise<Case> {
  const folder = dirname(goldenPath(file));
  const { config } = await openModel(folder);
  const io = goldenArrays(file);
  const { published } = pixelForm(config.vision);
  const upload = (name: string, dtype: "int32" | "float32"): Tensor =>
    tensor(io[name]!.values, [...io[name]!.shape], dtype);
  return {
    config,
    params: await closing(await openModel(folder), loadModelParams),
    batch: {
      pixelValues: published?.read(goldenTensors(file)) ?? upload("pixel_values", "float32"),
      inputIds: upload("input_ids", "int32"),
    },
    options,
  };
}

/** Reference arrays under our names. */
const canonical = (file: string): Promise<Readonly<Record<string, GoldenArray>>> =>
  renamedArrays(goldenArrays(file), (tensors) => convertTensors(tensors, "huggingface"));

async function expectGradients(actual: Arrays, file: string): Promise<void> {
  for (const [path, { values }] of Object.entries(await canonical(file))) {
    const gradient = actual[`gradient:${path}`]!.data as Float32Array;
    expect(relativeError(gradient, values, 1e-3), path).toBeLessThan(1e-4);
  }
}

const valuesOf = (arrays: Arrays, name: string): Float32Array => arrays[name]!.data as Float32Array;

/** Our outputs against the file's arrays of these names. */
function expectOutputs(
  actual: Arrays,
  file: string,
  names: Readonly<Record<"imageFeatures" | "textFeatures" | "loss", string>>,
): void {
  const expected = goldenArrays(file);
  for (const [ours, theirs] of Object.entries(names)) {
    const error = relativeError(valuesOf(actual, ours), expected[theirs]!.values);
    expect(error, ours).toBeLessThan(1e-5);
  }
}

test("SigLIP compiled: features, loss and gradients equal transformers'", async () => {
  const actual = await compiledOutputs(await load("siglip/io.safetensors", {}));
  expectOutputs(actual, "siglip/io.safetensors", {
    imageFeatures: "image_embeds",
    textFeatures: "text_embeds",
    loss: "loss",
  });
  await expectGradients(actual, "siglip/grads.safetensors");
});

test("SigLIP 2 NaFlex compiled: features, loss and gradients equal transformers'", async () => {
  const actual = await compiledOutputs(await load("naflex/io.safetensors", {}));
  expectOutputs(actual, "naflex/io.safetensors", {
    imageFeatures: "image_embeds",
    textFeatures: "text_embeds",
    loss: "loss",
  });
  await expectGradients(actual, "naflex/grads.safetensors");
});

test("ResNet compiled: a training pass equals open_clip's, statistics too", async () => {
  const actual = await compiledOutputs(await load("clip-resnet/io.safetensors", { training: true }));
  expectOutputs(actual, "clip-resnet/io.safetensors", {
    imageFeatures: "image_embeds_train",
    textFeatures: "text_embeds",
    loss: "loss_train",
  });
  await expectGradients(actual, "clip-resnet/grads.safetensors");
  const statistics = await canonical("clip-resnet/running-after.safetensors");
  for (const [path, { values }] of Object.entries(statistics)) {
    expect(largestDifference(valuesOf(actual, `next:${path}`), values), path).toBeLessThan(1e-5);
  }
});

test("plain ViT and RoBERTa compiled: features, loss and gradients equal transformers'", async () => {
  const actual = await compiledOutputs(await load("dual-encoder/io.safetensors", {}));
  expectOutputs(actual, "dual-encoder/io.safetensors", {
    imageFeatures: "image_embeds",
    textFeatures: "text_embeds",
    loss: "loss",
  });
  await expectGradients(actual, "dual-encoder/grads.safetensors");
});

const nano = preset("nano");

/** A small RoBERTa beside torchvision's kind of transformer. */
const dual: ClipConfig = {
  ...nano,
  vision: { ...(nano.vision as object), preNorm: false, patchBias: true } as ClipConfig["vision"],
  text: {
    kind: "roberta",
    width: 12,
    layers: 2,
    heads: 2,
    mlpWidth: 24,
    activation: "gelu",
    layerNormEps: 1e-5,
    vocabSize: 40,
    contextLength: 8,
    startTokenId: 0,
    endTokenId: 2,
    padTokenId: 1,
    tokenTypes: 1,
    pooling: "first",
  },
};
const poolings = ["first", "mean", "max", "pooler"] as const;

/** Pairs for the small model, with what a training step keeps if its text tower has dropout. */
function smallCase(text: Partial<RobertaTextConfig>, options: ForwardOptions = {}): Case {
  const config = { ...dual, text: { ...dual.text, ...text } } as ClipConfig;
  const captions = [0, 5, 6, 2, 1, 0, 7, 2, 1, 1, 0, 9, 30, 11, 2];
  const drawn = drawTextDropout(config.text, { batch: 3, tokens: 5 }, randomStream(1));
  const kept = Object.entries(drawn).map(([name, { data, shape }]) => {
    return [name, tensor(data, [...shape], "int32")] as const;
  });
  const batch: PairBatch = {
    pixelValues: randomTensor([3, 3, 8, 8], "pixels"),
    inputIds: tensor(captions, [3, 5], "int32"),
    ...Object.fromEntries(kept),
  };
  return { config, params: initClip(config, 3), batch, options };
}

const dropout = { hiddenDropout: 0.3, attentionDropout: 0.3 };
const cases: readonly (readonly [string, Partial<RobertaTextConfig>, ForwardOptions])[] = [
  ...poolings.map((pooling) => [`pooled by ${pooling}`, { pooling }, {}] as const),
  ["with dropout", dropout, {}],
  ["with dropout, checkpointed", dropout, { checkpoint: true }],
];

test.each(cases)("RoBERTa compiled equals RoBERTa eager, %s", async (_, text, options) => {
  const given = smallCase(text, options);
  const actual = await compiledOutputs(given);
  for (const [name, reference] of Object.entries(outputsOf(given))) {
    // Softmax is blind to a key's bias: its gradient is rounding noise around 0.
    const error = relativeError(valuesOf(actual, name), await reference.data(), 1e-2);
    expect(error, name).toBeLessThan(1e-4);
  }
});
