import { isClipError } from "@clip-ts/base";
import { goldenJson } from "@clip-ts/test-utils";
import type { CausalTextConfig, RobertaTextConfig } from "@clip-ts/text-encoder";
import type { VitConfig } from "@clip-ts/vision-encoder";
import { expect, test } from "vitest";
import { formatClipConfig, ownFormatReason, parseClipConfig, weightNamesOf } from "./hugging-face.ts";
import type { ClipConfig } from "../config.ts";
import { preset, presetNames } from "../presets.ts";
import { formatOwnConfig } from "./own-format.ts";

const minimal = { model_type: "clip", vision_config: {}, text_config: {} };

test.each(presetNames)("%s survives being written and read", (name) => {
  const written = JSON.parse(JSON.stringify(formatClipConfig(preset(name)))) as unknown;
  expect(parseClipConfig(written)).toEqual(preset(name));
});

test.each([
  ["ViT-B-32", "clip"],
  ["ViT-B-16-SigLIP", "siglip"],
  ["RN50", "clip-ts"],
  ["ViT-B-32-roberta", "clip-ts"],
])("%s is written as model type %s", (name, type) => {
  expect(formatClipConfig(preset(name))["model_type"]).toBe(type);
});

const nano = preset("nano");
const nanoVit = nano.vision as VitConfig;
const nanoText = nano.text as CausalTextConfig;
const roberta = preset("ViT-B-32-roberta").text as RobertaTextConfig;

test.each<readonly [string, ClipConfig]>([
  ["clip", { ...nano, loss: { kind: "contrastive", labelSmoothing: 0.1, multiPositive: true } }],
  ["clip", { ...nano, loss: { kind: "sigmoid" }, initialLogitBias: -5 }],
  ["clip", { ...nano, vision: { ...nanoVit, patchDropout: 0.5 } }],
  ["vision-text-dual-encoder", { ...nano, text: { ...roberta, pooling: "pooler" } }],
  ["clip-ts", { ...nano, text: { ...roberta, hiddenDropout: 0.1, attentionDropout: 0.2 } }],
  ["clip-ts", { ...nano, vision: { ...nanoVit, pooling: "pooler" } }],
  ["clip-ts", { ...nano, vision: { ...nanoVit, pooling: "mean", positions: "sincos" } }],
  ["clip-ts", { ...nano, vision: { ...nanoVit, layerScale: 0.1 } }],
  ["clip-ts", { ...nano, text: { ...nanoText, causal: false, pooling: "last" } }],
  ["clip-ts", { ...nano, imageHead: "mlp", textHead: "affine" }],
  ["clip-ts", { ...preset("ViT-B-16-SigLIP"), loss: { kind: "contrastive" } }],
])("options survive as model type %s (%o)", (type, config) => {
  const written = JSON.parse(JSON.stringify(formatClipConfig(config))) as { model_type: string };
  expect(written.model_type).toBe(type);
  expect(parseClipConfig(written)).toEqual(config);
});

test("reads and writes the config of a dual encoder with transformers' plain ViT", () => {
  const theirs = goldenJson("dual-encoder/config.json");
  const config = parseClipConfig(theirs);
  expect(config).toMatchObject({
    projectionDim: 16,
    vision: { preNorm: false, patchBias: true, pooling: "pooler", layerNormEps: 1e-12 },
    text: {
      kind: "roberta",
      pooling: "pooler",
      contextLength: 10,
      tokenTypes: 1,
      hiddenDropout: 0.1,
      attentionDropout: 0.1,
    },
  });
  expect(weightNamesOf(config)).toBe("dual_encoder");
  const written = JSON.parse(JSON.stringify(formatClipConfig(config))) as Record<string, object>;
  expect(parseClipConfig(written)).toEqual(config);
  const { vision_config, text_config } = written;
  expect(theirs).toMatchObject({ vision_config, text_config });
});

test.each([
  ["nano", undefined],
  ["ViT-B-16-SigLIP", undefined],
  ["ViT-H-14-worldwide", undefined],
  ["RN50", "it has one of CLIP's ResNets, which transformers has not"],
  [
    "ViT-B-32-roberta",
    'its RoBERTa pools by "first", where VisionTextDualEncoderModel puts a pooler: a dense layer and tanh',
  ],
])("%s is saved in our own format because of %s", (name, reason) => {
  expect(ownFormatReason(preset(name))).toBe(reason);
  expect(weightNamesOf(preset(name))).toBe("huggingface");
});

test("what keeps a model with RoBERTa or other heads from transformers is said", () => {
  const pooled = {
    ...preset("ViT-B-32-roberta"),
    text: { ...roberta, pooling: "pooler" },
  } as const;
  expect(ownFormatReason(pooled)).toBe(
    'its vision transformer pools by "class", where VisionTextDualEncoderModel takes CLIP\'s or puts ' +
      "a pooler: a dense layer and tanh",
  );
  const vision = { ...(pooled.vision as VitConfig), pooling: "pooler" } as const;
  expect(ownFormatReason({ ...pooled, vision })).toBeUndefined();
  expect(ownFormatReason({ ...pooled, vision: { ...vision, layerScale: 0.1 } })).toBe(
    "no model of transformers has its options",
  );
  expect(ownFormatReason({ ...nano, textHead: "mlp" })).toContain('one of its heads is "mlp"');
});

test("reads the config of transformers' SiglipModel", () => {
  const config = parseClipConfig(goldenJson("siglip/config.json"));
  expect(config).toMatchObject({
    projectionDim: 64,
    initialLogitScale: Math.log(10),
    imageHead: "none",
    loss: { kind: "sigmoid" },
    vision: { classToken: false, preNorm: false, patchBias: true, pooling: "attention" },
    text: { kind: "siglip", headWidth: 64, contextLength: 16, endTokenId: 1, padTokenId: 1 },
  });
  expect(parseClipConfig(formatClipConfig(config))).toEqual(config);
});

test("an empty SigLIP config is SigLIP-base", () => {
  const { initialLogitBias: _start, vision, text, ...published } = preset("ViT-B-16-SigLIP");
  const activation = "gelu_pytorch_tanh"; // open_clip computes this one by the error function
  expect(parseClipConfig({ model_type: "siglip" })).toEqual({
    ...published,
    vision: { ...vision, activation },
    text: { ...text, activation },
  });
});

test("what is left out is as in ViT-B/32", () => {
  const { initialLogitScale, ...rest } = parseClipConfig(minimal);
  expect(rest).toEqual({ ...preset("ViT-B/32"), initialLogitScale: undefined });
  expect(initialLogitScale).toBeCloseTo(Math.log(1 / 0.07), 12);
});

test("reads a config that transformers wrote", () => {
  const config = parseClipConfig(goldenJson("clip-vit/config.json"));
  const written = formatClipConfig(config);
  expect(parseClipConfig(written)).toEqual(config);
  expect(written).toMatchObject({
    model_type: "clip",
    text_config: { model_type: "clip_text_model", eos_token_id: config.text.endTokenId },
  });
});

test.each([
  [{ vocab_size: 49408, eos_token_id: 2 }, 49407],
  [{ vocab_size: 100, eos_token_id: 2 }, 99],
  [{ vocab_size: 100, eos_token_id: 60 }, 60],
  [{ vocab_size: 50000 }, 49407],
])("%o ends captions with id %i", (text_config, endTokenId) => {
  const { text } = parseClipConfig({ ...minimal, text_config });
  expect(text.endTokenId).toBe(endTokenId);
  expect(text).toMatchObject({ startTokenId: endTokenId - 1 });
});

test("text_config_dict and vision_config_dict of old files go before the keys beside them", () => {
  // what transformers 5.18's CLIPConfig makes of these files
  const alone = parseClipConfig({
    model_type: "clip",
    text_config_dict: { hidden_size: 768, num_attention_heads: 12 },
    vision_config_dict: { patch_size: 14 },
  });
  expect(alone.text).toMatchObject({ width: 768, heads: 12, layers: 12 });
  expect(alone.vision).toMatchObject({ patchSize: 14, width: 768 });
  const both = parseClipConfig({
    model_type: "clip",
    text_config: { hidden_size: 64, num_hidden_layers: 3 },
    text_config_dict: { hidden_size: 128 },
    vision_config: { hidden_act: "gelu", image_size: [336, 336] },
    vision_config_dict: null,
  });
  expect(both.text).toMatchObject({ width: 128, layers: 12 });
  expect(both.vision).toMatchObject({ activation: "gelu", imageSize: 336 });
  // SiglipConfig does not read them
  const siglip = parseClipConfig({ model_type: "siglip", text_config_dict: { hidden_size: 64 } });
  expect(siglip.text).toMatchObject({ width: 768 });
});

test("what other libraries add to a config of ours is passed over", () => {
  const added = { transformers_version: "5.0", architectures: ["Clip"], dtype: "float32" };
  const nano = preset("nano");
  expect(parseClipConfig({ ...formatOwnConfig(nano), ...added })).toEqual(nano);
});

test.each([
  [null, "should be an object, got null"],
  ["clip", 'should be an object, got "clip"'],
  [{ ...minimal, model_type: "blip" }, 'clip-ts, got "blip"'],
  [
    { model_type: "siglip", vision_config: { vision_use_head: false } },
    "vision_config.vision_use_head should be true, got false",
  ],
  [
    { ...minimal, model_type: "vision-text-dual-encoder", vision_config: { model_type: "beit" } },
    'vision_config.model_type should be one of clip_vision_model, vit, deit, dinov2, dinov2_with_registers, swin, got "beit"',
  ],
  [
    { ...formatOwnConfig(preset("nano")), vision: { ...preset("nano").vision, heads: 3 } },
    "vision.heads should be a divisor of the width 16, got 3",
  ],
  [
    { ...formatOwnConfig(preset("nano")), imageHead: "conv" },
    'imageHead should be one of linear, affine, mlp, none, got "conv"',
  ],
  [
    { ...formatOwnConfig(preset("nano")), vision: { ...preset("nano").vision, preNrom: false } },
    "vision.preNrom is no key of this kind of model: correct or remove it.",
  ],
  [
    { ...formatOwnConfig(preset("RN50")), vision: { ...preset("RN50").vision, patchSize: 4 } },
    "vision.patchSize is no key of this kind of model",
  ],
  [{ ...formatOwnConfig(preset("nano")), imageHaed: "mlp" }, "imageHaed is no key"],
  [
    { ...formatOwnConfig(preset("RN50")), vision: { ...preset("RN50").vision, layers: [3, 4] } },
    "vision.layers should be four positive whole numbers up to 1024, got [3,4]",
  ],
  [{ model_type: "clip", text_config: {} }, "vision_config. should be an object, got nothing"],
  [
    { ...minimal, vision_config: { hidden_size: 0 } },
    "vision_config.hidden_size should be a positive whole number, got 0",
  ],
  [
    { ...minimal, vision_config: { patch_size: 3.5 } },
    "vision_config.patch_size should be a positive whole number, got 3.5",
  ],
  [
    { ...minimal, text_config: { vocab_size: "many" } },
    'text_config.vocab_size should be a positive whole number, got "many"',
  ],
  [
    { ...minimal, text_config: { hidden_act: "swish" } },
    'text_config.hidden_act should be one of gelu, gelu_pytorch_tanh, quick_gelu, relu, silu, got "swish"',
  ],
  [
    { ...minimal, text_config: { layer_norm_eps: "1e-5" } },
    'text_config.layer_norm_eps should be a number, got "1e-5"',
  ],
  [
    { ...minimal, vision_config: { hidden_size: 96, num_attention_heads: 7 } },
    "vision_config.num_attention_heads should be a divisor of hidden_size 96, got 7",
  ],
  [
    { ...minimal, text_config: { vocab_size: 100 } },
    "text_config.eos_token_id should be an id below the vocabulary's 100, got 49407",
  ],
  [
    { ...minimal, text_config: { eos_token_id: [49407] } },
    "text_config.eos_token_id should be an id below the vocabulary's 49408, got [49407]",
  ],
  [
    { ...minimal, vision_config: { num_hidden_layers: 1e9 } },
    "vision_config.num_hidden_layers should be a positive whole number up to 1024, got 1000000000",
  ],
  [
    { ...minimal, vision_config: { image_size: [224, 336] } },
    "vision_config.image_size should be a positive whole number (images and patches are square here), got [224,336]",
  ],
  [
    { ...minimal, text_config: { max_position_embeddings: 1e9 } },
    "text_config.max_position_embeddings should be a positive whole number up to 65536",
  ],
  [
    { ...minimal, text_config: { layer_norm_eps: 1e30 } },
    "text_config.layer_norm_eps should be a number from 0 to 0.1, got 1e+30",
  ],
  [{ ...minimal, logit_scale_init_value: Infinity }, "logit_scale_init_value should be a number from -50 to 50"],
  [
    {
      model_type: "vision-text-dual-encoder",
      vision_config: { model_type: "clip_vision_model" },
      text_config: { model_type: "roberta", is_decoder: true },
    },
    "text_config.is_decoder should be false, got true",
  ],
  [{ ...minimal, projection_dim: -1 }, "projection_dim should be a positive whole number, got -1"],
])("%j is refused with the key, what it should be and what it is", (json, message) => {
  let caught: unknown;
  try {
    parseClipConfig(json);
  } catch (error) {
    caught = error;
  }
  if (!isClipError(caught)) throw new Error(`expected a ClipError, got ${String(caught)}`);
  expect(caught.code).toBe("bad-config");
  expect(caught.message).toContain(message);
});
