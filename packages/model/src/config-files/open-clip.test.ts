import { isClipError } from "@clip-ts/base";
import { goldenJson } from "@clip-ts/test-utils";
import { expect, test } from "vitest";
import type { ClipConfig } from "../config.ts";
import { preset } from "../presets.ts";
import { parseClipConfig } from "./hugging-face.ts";
import { formatOpenClipConfig, parseOpenClipConfig } from "./open-clip.ts";

const text = { context_length: 77, vocab_size: 49408, width: 512, heads: 8, layers: 12 };
const vitB32 = { image_size: 224, layers: 12, width: 768, patch_size: 32 };

/** open_clip 3.3's own files of these names. */
const published: Readonly<Record<string, object>> = {
  "ViT-B-32": { embed_dim: 512, vision_cfg: vitB32, text_cfg: text },
  "ViT-B-32-quickgelu": { embed_dim: 512, quick_gelu: true, vision_cfg: vitB32, text_cfg: text },
  "ViT-H-14": {
    embed_dim: 1024,
    vision_cfg: { image_size: 224, layers: 32, width: 1280, head_width: 80, patch_size: 14 },
    text_cfg: { ...text, width: 1024, heads: 16, layers: 24 },
  },
  RN50x4: {
    embed_dim: 640,
    vision_cfg: { image_size: 288, layers: [4, 6, 10, 6], width: 80, patch_size: null },
    text_cfg: { ...text, width: 640, heads: 10 },
  },
};

test.each(Object.entries(published))("%s is read and written as open_clip has it", (name, file) => {
  expect(parseOpenClipConfig({ model_cfg: file })).toEqual(preset(name));
  expect(parseClipConfig(file)).toEqual(preset(name)); // as its own model_configs are
  expect(formatOpenClipConfig(preset(name)).model_cfg).toEqual(file);
});

test("SigLIP is timm's transformer and a tower without mask", () => {
  const file = {
    embed_dim: 768,
    init_logit_bias: -10,
    custom_text: true,
    vision_cfg: {
      image_size: 224,
      timm_model_name: "vit_base_patch16_siglip_224",
      timm_model_pretrained: false,
      timm_pool: "map",
      timm_proj: "none",
    },
    text_cfg: {
      context_length: 64,
      vocab_size: 32000,
      hf_tokenizer_name: "timm/ViT-B-16-SigLIP",
      tokenizer_kwargs: { clean: "canonicalize" },
      width: 768,
      heads: 12,
      layers: 12,
      no_causal_mask: true,
      proj_bias: true,
      pool_type: "last",
      norm_kwargs: { eps: 1e-6 },
    },
  };
  const config = parseOpenClipConfig(file);
  const siglip = preset("ViT-B-16-SigLIP");
  expect(config).toEqual({
    ...siglip,
    initialLogitScale: Math.log(1 / 0.07), // open_clip's own start
  });
  const { hf_tokenizer_name: _name, tokenizer_kwargs: _clean, ...text_cfg } = file.text_cfg;
  expect(formatOpenClipConfig(config).model_cfg).toEqual({ ...file, text_cfg });
});

test("a text tower by its Hugging Face name is RoBERTa with pooler and head", () => {
  const file = {
    embed_dim: 512,
    quick_gelu: true,
    vision_cfg: vitB32,
    text_cfg: { hf_model_name: "roberta-base", hf_pooler_type: "mean_pooler" },
  };
  const config = parseOpenClipConfig(file);
  expect(config.text).toMatchObject({ kind: "roberta", pooling: "mean", contextLength: 512 });
  expect(config.textHead).toBe("mlp");
  expect(formatOpenClipConfig(config).model_cfg).toEqual({
    ...file,
    custom_text: true,
    text_cfg: { ...file.text_cfg, hf_tokenizer_name: "roberta-base", hf_proj_type: "mlp" },
  });
});

test("reads the reference ResNet's file, preprocessing beside it", () => {
  const file = goldenJson("clip-resnet/open_clip_config.json");
  const config = parseOpenClipConfig(file);
  expect(config.vision).toEqual({
    kind: "resnet",
    layers: [1, 2, 1, 1],
    width: 8,
    heads: 32,
    outputDim: 40,
    imageSize: 64,
    channels: 3,
  });
  expect(parseClipConfig(file)).toEqual(config);
  const { model_cfg } = file as { model_cfg: object };
  expect(formatOpenClipConfig(config).model_cfg).toEqual(model_cfg);
});

const nano = preset("nano");
const queryPool = { kind: "mean", width: nano.projectionDim, queries: 4, heads: 2 };
const blocks = { queryKeyNorm: true, headScale: true, innerNorm: true, attentionNorm: true, mlpNorm: true };

test.each<readonly [string, object]>([
  ["mean pooling", { vision: { ...nano.vision, pooling: "mean" } }],
  ["a norm after the mean", { vision: { ...nano.vision, pooling: "mean", normAfterPool: true } }],
  ["queries that pool", { vision: { ...nano.vision, pooling: "queries", queryPool } }],
  ["a cascade", { vision: { ...nano.vision, pooling: "queries", queryPool: { ...queryPool, kind: "cascade" } } }],
  ["images and patches that are no squares", { vision: { ...nano.vision, imageSize: [24, 40], patchSize: [4, 8] } }],
  ["every option of the blocks", { vision: { ...nano.vision, ...blocks, norms: "gain" } }],
  ["those of the text tower's, too", { text: { ...nano.text, ...blocks, norms: "plain" } }],
  ["the first token pooled", { text: { ...nano.text, pooling: "first" } }],
  ["no norm before the blocks", { vision: { ...nano.vision, preNorm: false } }],
  ["LayerScale", { vision: { ...nano.vision, layerScale: 0.5 } }],
  ["patch dropout", { vision: { ...nano.vision, patchDropout: 0.25 } }],
  ["fixed positions", { vision: { ...nano.vision, positions: "sincos" } }],
  ["a wide MLP", { text: { ...nano.text, mlpWidth: 60 } }],
  ["no mask", { text: { ...nano.text, causal: false } }],
  ["an early end token", { text: { ...nano.text, endTokenId: 7 } }],
  ["the last token pooled", { text: { ...nano.text, pooling: "last" } }],
  ["a head with a bias", { textHead: "affine" }],
  ["a sigmoid loss", { loss: { kind: "sigmoid" }, initialLogitBias: -7 }],
])("%s survives being written and read", (_name, change) => {
  const config = { ...nano, ...change } as ClipConfig;
  const written = JSON.parse(JSON.stringify(formatOpenClipConfig(config))) as unknown;
  expect(parseOpenClipConfig(written)).toEqual(config);
});

const file = published["ViT-B-32"] as { vision_cfg: object; text_cfg: object };

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (isClipError(error) && error.code === "bad-config") return error.message;
  }
  throw new Error('expected a ClipError "bad-config"');
}

test.each<readonly [object, string]>([
  [{}, "vision_cfg.head_width should be a divisor of the width 768, got 100"],
  [{ text_cfg: { heads: 7 } }, "text_cfg.heads should be a divisor of the width 512, got 7"],
  [{ vision_cfg: { scaled_cosine_attn: true } }, "vision_cfg.scaled_cosine_attn should be false: open_clip itself"],
  [{ vision_cfg: { pool_type: "none" } }, 'vision_cfg.pool_type should be "tok" or "avg"'],
  [{ text_cfg: { pool_type: "none" } }, "text_cfg.pool_type should be one of argmax, eos, last, first"],
  [{ text_cfg: { embed_cls: true } }, "text_cfg.embed_cls should be false: only CoCa's"],
  [{ vision_cfg: { attentional_pool: "both" } }, "vision_cfg.attentional_pool should be one of parallel, cascade"],
  [{ vision_cfg: { image_size: [24, 40, 3] } }, "vision_cfg.image_size should be a positive whole number or [height"],
  [{ vision_cfg: { ...vitB32, pathc_size: 8 } }, "vision_cfg.pathc_size is no key of this kind"],
  [{ multimodal_cfg: {} }, "multimodal_cfg should be left out: CoCa's caption decoder"],
  [{ vision_cfg: { norm_kwargs: { bias: 0 } } }, "norm_kwargs.bias should be true or false, got 0"],
  [
    { quick_gelu: true, text_cfg: { act_kwargs: { approximate: "tanh" } } },
    "text_cfg.act_kwargs should be left out: QuickGELU has none",
  ],
  [{ vision_cfg: { layers: 5000 } }, "vision_cfg.layers should be a positive whole number up to 1024"],
  [{ text_cfg: { pool_type: "eos", eos_id: 49408 } }, "text_cfg.eos_id should be an id below"],
  [{ vision_cfg: { layers: [1, 2] } }, "vision_cfg.layers should be four positive whole numbers"],
  [
    { vision_cfg: { timm_model_name: "convnext_base" } },
    "vision_cfg.timm_model_name should be one of timm's SigLIP or Swin transformers",
  ],
  [{ text_cfg: { hf_model_name: "bert-base" } }, "text_cfg.hf_model_name should be one of roberta-base, roberta-large"],
])("%o cannot be built, and the error says why", (change, message) => {
  const broken = Object.keys(change).length > 0 ? change : { vision_cfg: { head_width: 100 } };
  expect(messageOf(() => parseOpenClipConfig({ ...file, ...broken }))).toContain(message);
});

test("the default variant of GELU may be named, and square sizes given as pairs", () => {
  const plain = parseOpenClipConfig(file);
  const vision_cfg = {
    ...vitB32,
    act_kwargs: { approximate: "none" },
    image_size: [224, 224],
    norm_kwargs: { elementwise_affine: true },
    block_type: "custom",
  };
  expect(parseOpenClipConfig({ ...file, vision_cfg })).toEqual(plain);
});

test("an MLP of any width comes back from its ratio", () => {
  for (let mlpWidth = 1; mlpWidth < 300; mlpWidth++) {
    const config = { ...nano, text: { ...nano.text, mlpWidth } } as ClipConfig;
    expect(parseOpenClipConfig(formatOpenClipConfig(config)).text.mlpWidth).toBe(mlpWidth);
  }
});

test("SigLIP is written by timm's name only where timm computes the same", () => {
  const google = parseClipConfig({ model_type: "siglip" });
  expect(() => formatOpenClipConfig(google)).toThrow(
    /timm's vit_base_patch16_siglip_224, whose GELU is computed by the error function.*--activation gelu/u,
  );
  const large = preset("ViT-B-16-SigLIP-512");
  const vision = { ...large.vision, imageSize: 448 } as ClipConfig["vision"];
  expect(() => formatOpenClipConfig({ ...large, vision })).toThrow("at 448 pixels (timm has it at 224, 256, 384, 512)");
  const shallow = { ...large.vision, layers: 2 } as ClipConfig["vision"];
  expect(() => formatOpenClipConfig({ ...large, vision: shallow })).toThrow("of this size");
});

test.each<readonly [string, ClipConfig]>([
  ["a patch embedding with a bias", preset("ViT-B-32-roberta")],
  ["images of 1 channels", { ...nano, vision: { ...nano.vision, channels: 1 } }],
  ['a head "mlp" behind the vision tower', { ...nano, imageHead: "mlp" }],
  ["a tower with relu beside one with quick_gelu", { ...nano, text: { ...nano.text, activation: "relu" } }],
])("open_clip has no keys for %s", (what, config) => {
  expect(messageOf(() => formatOpenClipConfig(config))).toContain(what);
});
