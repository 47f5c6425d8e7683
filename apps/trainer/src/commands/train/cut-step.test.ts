// A step whose graph is cut where ranks meet is the step of the whole graph, whatever the towers: on ONNX Runtime bit
// for bit. TensorFlow's own operations fuse what lies on both sides of a cut, so that it rounds otherwise.
import { toHost, type HostArrays } from "@clip-ts/core";
import { inspectEngine, startEngine } from "@clip-ts/engines";
import { watchGraphs, type Graph } from "@clip-ts/jit";
import { clipSpec, objectiveOf, parseClipConfig, preset, type ClipConfig } from "@clip-ts/model";
import {
  goldenArrays,
  goldenJson,
  goldenTensors,
  localExchange,
  randomTensor,
  relativeError,
  useEngine,
} from "@clip-ts/test-utils";
import { createTraining, type TrainingOptions } from "@clip-ts/training";
import { pixelForm } from "@clip-ts/vision-encoder";
import { dispose, tensor, type Tensor } from "@tensorflow/tfjs-core";
import { afterAll, expect, test } from "vitest";
import { differences, type TakenSteps } from "./fixtures/taken-steps.ts";

const tensorflow = inspectEngine("tensorflow");
if (!tensorflow.available) console.warn(`Skipped: cut steps on TensorFlow, as ${tensorflow.detail}.`);

afterAll(() => useEngine("cpu"));

/** A model and pairs for it. */
interface Family {
  readonly config: ClipConfig;
  readonly batch: HostArrays;
}

async function arraysOf(tensors: Readonly<Record<string, Tensor>>): Promise<HostArrays> {
  const arrays = Object.entries(tensors).map(async ([name, x]) => [name, await toHost(x)] as const);
  const read = Object.fromEntries(await Promise.all(arrays));
  dispose({ ...tensors });
  return read;
}

/** What Python's side of a reference folder saw. */
async function golden(folder: string): Promise<Family> {
  const config = parseClipConfig(goldenJson(`${folder}/config.json`));
  const given = goldenTensors(`${folder}/io.safetensors`);
  const published = pixelForm(config.vision).published?.read(given);
  const hasMask = "attention_mask" in goldenArrays(`${folder}/io.safetensors`);
  const { pixelValues, inputIds, attentionMask } = await arraysOf({
    pixelValues: published ?? given["pixel_values"]!,
    inputIds: given["input_ids"]!,
    ...(hasMask && { attentionMask: given["attention_mask"]! }),
  });
  return {
    config,
    batch: { pixelValues: pixelValues!, inputIds: inputIds!, ...(attentionMask !== undefined && { attentionMask }) },
  };
}

/** OpenAI's ResNet, small. */
async function resNet(): Promise<Family> {
  const nano = preset("nano");
  const vision = { kind: "resnet", layers: [1, 1, 1, 1], width: 4, heads: 2, imageSize: 32, channels: 3 } as const;
  const ids = [0, 1, 2, 3].flatMap((row) => [598, 1 + row, 7, 599]);
  const batch = await arraysOf({
    pixelValues: randomTensor([4, 3, 32, 32], "pixels"),
    inputIds: tensor(ids, [4, 4], "int32"),
  });
  return { config: { ...nano, vision: { ...vision, outputDim: nano.projectionDim } }, batch };
}

/** As many tokens as published models have: their causal mask is a large constant. */
async function longText(): Promise<Family> {
  const nano = preset("nano");
  const ids = [0, 1, 2, 3].flatMap((row) => [598, ...Array.from({ length: 75 }, (_, at) => 1 + row + at), 599]);
  const { channels, imageSize } = nano.vision as { channels: number; imageSize: number };
  const batch = await arraysOf({
    pixelValues: randomTensor([4, channels, imageSize, imageSize], "pixels"),
    inputIds: tensor(ids, [4, 77], "int32"),
  });
  return { config: { ...nano, text: { ...nano.text, contextLength: 77 } }, batch };
}

const folders = ["clip-vit", "siglip", "naflex", "dual-encoder", "dinov2-registers", "deit", "swin", "align"];
const textTowers = ["altclip", "bert", "chinese-clip", "metaclip-2", "mt5", "nllb", "xlm-roberta"];
const families: Readonly<Record<string, () => Promise<Family>>> = {
  ...Object.fromEntries(
    [...folders, ...textTowers.map((name) => `text-towers/${name}`)].map((name) => [name, () => golden(name)] as const),
  ),
  "clip-resnet": resNet,
  "clip-vit of 77 tokens": longText,
};

type Options = Partial<TrainingOptions<object, object, object>>;

/** Steps on the same pairs: what they tell, and the state after them. */
async function take({ config, batch }: Family, steps: number, options: Options): Promise<TakenSteps> {
  const training = await createTraining({
    objective: objectiveOf(config),
    spec: clipSpec(config),
    seed: 1,
    schedule: { kind: "constant", learningRate: 1e-3, warmupSteps: 0, steps: 20 },
    ...options,
  } as never);
  const told: object[] = [];
  for (let step = 0; step < steps; step++) told.push(await training.step(batch));
  const state = structuredClone(await training.read());
  await training.dispose();
  return { told, state };
}

/** The same, and how many matrices and windows the largest graph of them multiplies. */
async function takeCounted(given: Family, options: Options) {
  let products = 0;
  const countIn = ({ nodes }: Graph): number => nodes.filter(({ op }) => /MatMul|Conv/u.test(op)).length;
  watchGraphs((graph) => (products = Math.max(products, countIn(graph))));
  const taken = await take(given, 20, options);
  watchGraphs(undefined);
  return { taken, products };
}

test.each(Object.keys(families))("20 steps of %s on onnx, bit for bit", async (family) => {
  const { compiler: engine } = await startEngine("onnx");
  const given = await families[family]!();
  const [exchange] = localExchange(1);
  const { taken: whole, products } = await takeCounted(given, { engine });
  const cut = await takeCounted(given, { engine, exchange });
  expect(differences(cut.taken, whole)).toEqual([]);
  expect(cut.products, "nothing is computed twice").toBeLessThanOrEqual(products);
  expect(new Set(whole.told.map((numbers) => JSON.stringify(numbers))).size).toBe(20);
});

test.skipIf(!tensorflow.available).each(["clip-vit", "siglip", "align", "text-towers/bert"])(
  "2 steps of %s on tensorflow",
  async (family) => {
    const { compiler: engine } = await startEngine("tensorflow");
    const given = await families[family]!();
    const [exchange] = localExchange(1);
    const lossesOf = ({ told }: TakenSteps): number[] => told.map((numbers) => (numbers as { loss: number }).loss);
    const whole = lossesOf(await take(given, 2, { engine }));
    expect(relativeError(lossesOf(await take(given, 2, { engine, exchange })), whole)).toBeLessThan(1e-5);
    expect(whole[0]).not.toBe(whole[1]);
  },
);
