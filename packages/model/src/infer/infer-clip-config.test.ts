import { isClipError } from "@clip-ts/base";
import { flattenTree, type ParamSpec } from "@clip-ts/core";
import type { VitConfig } from "@clip-ts/vision-encoder";
import { expect, test } from "vitest";
import type { BuiltInClipConfig as ClipConfig } from "../config.ts";
import { preset } from "../presets.ts";
import { openClipModels } from "../presets/open-clip-models.ts";
import { clipSpec } from "../spec.ts";
import { inferClipConfig } from "./infer-clip-config.ts";
import type { InferOptions } from "./shapes.ts";

const shapesOf = (config: ClipConfig): Map<string, readonly number[]> => {
  const spec = Object.entries(flattenTree<ParamSpec>(clipSpec(config)));
  return new Map(spec.map(([name, { shape }]) => [name, shape]));
};

const base = preset("ViT-B/32");
const stack = {
  width: 128,
  heads: 4,
  layers: 2,
  mlpWidth: 200,
  activation: "gelu",
  layerNormEps: 1e-5,
} as const;
const small: ClipConfig = {
  ...base,
  vision: { ...(base.vision as VitConfig), width: 96, heads: 3, layers: 2, mlpWidth: 384 },
  text: { ...base.text, width: 64, heads: 2, layers: 1, mlpWidth: 256 } as ClipConfig["text"],
};
const resnet: ClipConfig = {
  ...base,
  projectionDim: 96,
  vision: {
    kind: "resnet",
    layers: [1, 3, 2, 1],
    width: 16,
    heads: 8,
    imageSize: 64,
    channels: 3,
    outputDim: 96,
  },
};
const roberta: ClipConfig = {
  ...base,
  textHead: "mlp",
  text: {
    kind: "roberta",
    ...stack,
    vocabSize: 300,
    contextLength: 20,
    startTokenId: 0,
    padTokenId: 1,
    endTokenId: 2,
    tokenTypes: 1,
    pooling: "pooler",
  },
};
/** A published RoBERTa beside a small vision tower. */
const pooled: ClipConfig = {
  ...base,
  vision: small.vision,
  text: { ...preset("ViT-B-32-roberta").text, pooling: "pooler" } as ClipConfig["text"],
};
const tanh = { ...stack, activation: "gelu_pytorch_tanh", layerNormEps: 1e-6 } as const;
const siglip: ClipConfig = {
  projectionDim: 128,
  initialLogitScale: Math.log(10),
  loss: { kind: "sigmoid" },
  imageHead: "none",
  vision: {
    ...tanh,
    imageSize: 32,
    patchSize: 8,
    channels: 3,
    classToken: false,
    preNorm: false,
    patchBias: true,
    pooling: "attention",
  },
  text: {
    kind: "siglip",
    ...tanh,
    vocabSize: 200,
    contextLength: 16,
    endTokenId: 1,
    padTokenId: 1,
    headWidth: 128,
  },
};
const plain: ClipConfig = {
  ...base,
  vision: {
    ...stack,
    layerNormEps: 1e-12,
    imageSize: 32,
    patchSize: 8,
    channels: 3,
    preNorm: false,
    patchBias: true,
    pooling: "pooler",
  },
};

/** What a user says of a model: heads and activations. */
const said = ({ vision, text }: ClipConfig): InferOptions => ({
  heads: { vision: "heads" in vision ? vision.heads : undefined, text: text.heads },
  activation: {
    vision: "activation" in vision ? vision.activation : undefined,
    text: text.activation,
  },
});

for (const [name, config] of Object.entries({ small, plain, resnet, pooled, siglip })) {
  test(`${name}: shapes, heads and activations tell a model of our own sizes`, () => {
    expect(inferClipConfig(shapesOf(config), said(config))).toEqual(config);
  });
}

/** What the error says is missing, and which published models it names. */
function missingOf(
  config: ClipConfig,
  options: InferOptions = {},
): { readonly missing: unknown; readonly presets: unknown } {
  try {
    inferClipConfig(shapesOf(config), options);
  } catch (error) {
    if (!isClipError(error)) throw error;
    const { missing, presets } = error.data;
    return { missing, presets };
  }
  throw new Error("nothing was missing");
}

const siglipStart = { initialLogitBias: undefined, initialLogitScale: undefined };

test.each([...openClipModels])("%s: the shapes of a published model tell it", (name, build) => {
  const config = build();
  const isSigmoid = config.loss?.kind === "sigmoid";
  const options = { isOpenClip: true };
  const { activation } = said(config);
  // 378 and 384 pixels make as many patches of 14
  if (/SO400M-14-SigLIP-3/u.test(name)) {
    const vision = { ...config.vision, imageSize: 378 } as VitConfig;
    expect(missingOf({ ...config, vision }, options).missing).toEqual(["image size"]);
    return;
  }
  const found = inferClipConfig(shapesOf(config), { ...options, activation });
  const start = isSigmoid ? siglipStart : {};
  const layerScale = "layerScale" in config.vision ? { layerScale: expect.any(Number) } : {};
  expect({ ...found, ...start }).toEqual({
    ...config,
    ...start,
    vision: { ...config.vision, ...layerScale },
  });
});

test("where published models of one size differ, they are named and nothing is guessed", () => {
  expect(missingOf(preset("ViT-B-32"))).toEqual({
    missing: ["activation"],
    presets: ["ViT-B-32", "ViT-B-32-quickgelu"],
  });
  expect(missingOf(preset("ViT-H-14-worldwide")).presets).toEqual([
    "ViT-H-14-worldwide",
    "ViT-H-14-worldwide-quickgelu",
  ]);
  expect(inferClipConfig(shapesOf(preset("ViT-g-14"))).vision).toMatchObject({ heads: 16 });
});

test("a published model at another resolution is still known", () => {
  const vision = { ...base.vision, imageSize: 448 } as VitConfig;
  const config = { ...base, vision };
  expect(inferClipConfig(shapesOf(config), { activation: "quick_gelu" })).toEqual(config);
});

test("SigLIP's GELU is timm's in open_clip's files and by tanh in all others", () => {
  const shapes = shapesOf(preset("ViT-B-16-SigLIP"));
  const activations = ({ vision, text }: ClipConfig): unknown[] => [(vision as VitConfig).activation, text.activation];
  expect(activations(inferClipConfig(shapes, { isOpenClip: true }))).toEqual(["gelu", "gelu"]);
  const tanhs = ["gelu_pytorch_tanh", "gelu_pytorch_tanh"];
  expect(activations(inferClipConfig(shapes))).toEqual(tanhs);
  expect(missingOf(siglip, { isOpenClip: true }).missing).toEqual(["heads", "activation"]);
  expect(missingOf(siglip).missing).toEqual(["heads", "activation"]);
});

test("what no option says needs a config", () => {
  const options = said(small);
  const text = { ...small.text, vocabSize: 901_629 } as ClipConfig["text"];
  expect(missingOf({ ...small, text }, options).missing).toEqual(["captions"]);
  const mean = { ...roberta, text: { ...roberta.text, pooling: "mean" } } as ClipConfig;
  expect(missingOf(mean, said(mean)).missing).toEqual(["pooling"]);
  expect(missingOf(roberta, said(roberta)).missing).toEqual(["norms"]);
  const clipa = { ...base, vision: { ...base.vision, preNorm: false } } as ClipConfig;
  expect(() => inferClipConfig(shapesOf(clipa), options)).toThrow(/CLIPA.*Give its config/u);
  expect(missingOf(clipa, options).missing).toEqual(["pooling"]);
});

test("CLIPA is told by its sizes, and what was taken is said", () => {
  const lines: string[] = [];
  const published = openClipModels.get("ViT-L-14-CLIPA-336")!();
  const found = inferClipConfig(shapesOf(published), { onAssume: (line) => void lines.push(line) });
  expect(found).toEqual(published);
  expect(lines).toEqual([
    "took 16 and 12 attention heads, gelu, the mean of the patches for the image, captions read both ways, their " +
      "last token, as in ViT-L-14-CLIPA-336",
  ]);
});

test("options of open_clip's that no published model has are refused, with the keys that say them", () => {
  const vision = { ...base.vision, queryKeyNorm: true, mlpNorm: true } as VitConfig;
  const asked = (): unknown => inferClipConfig(shapesOf({ ...base, vision }), { activation: "gelu" });
  expect(asked).toThrow(/options of open_clip's, "qk_norm", "scale_fc", .*give its config/u);
  const queryPool = { kind: "first", width: 512, queries: 4, heads: 8 } as const;
  const pooled = { ...base.vision, pooling: "queries", queryPool } as VitConfig;
  expect(() => inferClipConfig(shapesOf({ ...base, vision: pooled }), { activation: "gelu" })).toThrow(
    '"attentional_pool", "attn_pooler_heads" and "pool_type"',
  );
});

test("what is taken for granted is said in one line", () => {
  const lines: string[] = [];
  const onAssume = (line: string): void => void lines.push(line);
  inferClipConfig(shapesOf(base), { activation: "gelu", onAssume });
  inferClipConfig(shapesOf(small), { ...said(small), onAssume });
  inferClipConfig(shapesOf(siglip), { ...said(siglip), onAssume });
  expect(lines).toEqual([
    "took 12 and 8 attention heads, gelu, id 49407 for the end of a caption, as in ViT-B-32",
    "took the class token for the image, a causal mask, id 49407 for the end of a caption, as in CLIP",
  ]);
});

test("OpenAI's heads are 64 long; heads that do not divide a width are refused", () => {
  const wide = { ...small, vision: { ...small.vision, width: 128, heads: 2 } } as ClipConfig;
  const text = { ...small.text, heads: 1 } as ClipConfig["text"];
  const openai = { ...wide, text };
  expect(inferClipConfig(shapesOf(openai), { isOpenai: true })).toEqual(openai);
  const heads = { vision: 7, text: 2 };
  expect(() => inferClipConfig(shapesOf(small), { activation: "gelu", heads })).toThrow(
    "7 heads do not divide the vision tower's width of 96",
  );
});

test("sizes that the shapes cannot tell are errors that say so", () => {
  const infer = (shapes: Map<string, readonly number[]>) => () => inferClipConfig(shapes, { activation: "gelu" });
  const cut = shapesOf(base);
  cut.delete("text_model.embeddings.position_embedding.weight");
  expect(infer(cut)).toThrow("position_embedding.weight is missing");
  const uneven = shapesOf(base).set("vision_model.embeddings.position_embedding.weight", [49, 768]);
  expect(infer(uneven)).toThrow("has 48 patch positions, which make no square");
  expect(infer(new Map())).toThrow(/^The model's sizes cannot be read/);
});
