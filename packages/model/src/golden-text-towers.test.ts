import { flattenTree, unflattenLike, type ParamSpec } from "@clip-ts/core";
import {
  goldenArrays,
  goldenJson,
  refusalOf,
  relativeError,
  renamedArrays,
  useEngine,
  type GoldenArray,
} from "@clip-ts/test-utils";
import type { AltClipTextConfig } from "@clip-ts/text-encoder";
import { convertTensors } from "@clip-ts/weights";
import { tensor, type Tensor } from "@tensorflow/tfjs-core";
import { afterAll, expect, test } from "vitest";
import { formatClipConfig, parseClipConfig } from "./config-files/hugging-face.ts";
import type { ClipConfig } from "./config.ts";
import { lossGradients } from "./forward.ts";
import { inferClipConfig, inferTowerConfig } from "./infer/infer-clip-config.ts";
import { preset } from "./presets.ts";
import { clipSpec, type ClipParams } from "./spec.ts";

type Arrays = Readonly<Record<string, GoldenArray>>;

/** Reference arrays under our names, whatever names the original gives them. */
const canonical = (arrays: Arrays): Promise<Arrays> =>
  renamedArrays(arrays, (tensors) => convertTensors(tensors, "huggingface"));

const upload = ({ values, shape, dtype }: GoldenArray): Tensor =>
  tensor(values, [...shape], dtype === "I32" ? "int32" : "float32");

/** A model of the reference folder, as its own files and, where `config` is another, as that says. */
async function load(family: string, config: ClipConfig) {
  const folder = `text-towers/${family}`;
  const weights = await canonical(goldenArrays(`${folder}/model.safetensors`));
  const leaves = Object.entries(weights).map(([name, array]) => [name, upload(array)]);
  return unflattenLike(clipSpec(config), Object.fromEntries(leaves) as Record<string, Tensor>) as ClipParams;
}

const families = ["bert", "chinese-clip", "metaclip-2", "altclip", "xlm-roberta", "nllb", "mt5"] as const;
const cases = (["cpu", "wasm"] as const).flatMap((engine) => families.map((family) => ({ engine, family })));

afterAll(() => useEngine("cpu"));

test.each(cases)("$family: features, logits, loss and gradients equal Python's ($engine)", async (given) => {
  await useEngine(given.engine);
  const folder = `text-towers/${given.family}`;
  const config = parseClipConfig(goldenJson(`${folder}/config.json`));
  const params = await load(given.family, config);
  const io = goldenArrays(`${folder}/io.safetensors`);
  const batch = { pixelValues: upload(io["pixel_values"]!), inputIds: upload(io["input_ids"]!) };
  const { output, gradients } = lossGradients(params, batch, config);
  for (const [found, name] of [
    [output.imageFeatures, "image_embeds"],
    [output.textFeatures, "text_embeds"],
    [output.logitsPerImage, "logits_per_image"],
    [output.loss, "loss"],
  ] as const) {
    expect(relativeError(await found.data(), io[name]!.values), name).toBeLessThan(1e-5);
  }
  const expected = await canonical(goldenArrays(`${folder}/grads.safetensors`));
  expect(Object.keys(gradients).toSorted()).toEqual(Object.keys(expected).toSorted());
  for (const [path, { values }] of Object.entries(expected)) {
    expect(relativeError(await gradients[path]!.data(), values, 1e-3), path).toBeLessThan(1e-4);
  }
});

test.each(families)("the config of %s says the same when it is written and read again", (family) => {
  const json = goldenJson(`text-towers/${family}/config.json`) as { readonly model_type: string };
  const config = parseClipConfig(json);
  const written = formatClipConfig(config);
  expect(written["model_type"]).toBe(json.model_type);
  expect(parseClipConfig(written)).toEqual(config);
});

test("a width that heads do not share is written and read in our own format, as mT5's heads have their own", () => {
  const config = parseClipConfig(goldenJson("text-towers/mt5/config.json"));
  const odd = { ...config, text: { ...config.text, heads: 3, headDim: 6 } } as ClipConfig;
  expect(parseClipConfig(JSON.parse(JSON.stringify(formatClipConfig(odd))))).toEqual(odd);
});

const shapesOf = (config: ClipConfig): ReadonlyMap<string, readonly number[]> =>
  new Map(Object.entries(flattenTree<ParamSpec>(clipSpec(config))).map(([name, { shape }]) => [name, shape]));

test.each(["nllb-clip-base", "nllb-clip-large", "nllb-clip-large-siglip", "mt5-base-ViT-B-32", "mt5-xl-ViT-H-14"])(
  "shapes tell %s",
  (name) => {
    const config = preset(name);
    const {
      initialLogitScale: _scale,
      initialLogitBias: _bias,
      ...inferred
    } = inferClipConfig(shapesOf(config), {
      isOpenClip: true,
    });
    expect(config).toMatchObject(inferred);
  },
);

test("shapes of an AltCLIP tell all but heads and the image tower's activation", () => {
  const config = parseClipConfig(goldenJson("text-towers/altclip/config.json"));
  const shapes = shapesOf(config);
  const said = { heads: { vision: 2, text: 2 }, activation: "quick_gelu" as const };
  const { text } = inferClipConfig(shapes, said);
  const { hiddenDropout: _dropped, ...expected } = config.text as AltClipTextConfig;
  expect(text).toEqual(expected);
  expect(refusalOf(() => inferClipConfig(shapes)).data["missing"]).toEqual(["heads", "activation"]);
});

test("an NLLB of a size that nobody published is not guessed", () => {
  const config = parseClipConfig(goldenJson("text-towers/nllb/config.json"));
  const said = { heads: { vision: 2, text: 2 }, activation: "gelu" as const };
  expect(refusalOf(() => inferClipConfig(shapesOf(config), said)).data["missing"]).toEqual(["pooling"]);
});

test("BERT's weights are never taken for RoBERTa's", () => {
  const config = parseClipConfig(goldenJson("text-towers/chinese-clip/config.json"));
  const bert = { ...config, text: { ...config.text, contextLength: 512 } } as ClipConfig;
  const shapes = shapesOf(bert);
  const said = { heads: { vision: 2, text: 2 }, activation: "quick_gelu" as const };
  expect(refusalOf(() => inferClipConfig(shapes, said)).data["missing"]).toEqual(["pooling"]);
  const alone = new Map([...shapes].filter(([name]) => name.startsWith("text_model.")));
  expect(inferTowerConfig(alone, said)).toBeUndefined();
});
