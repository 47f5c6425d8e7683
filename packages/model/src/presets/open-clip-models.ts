import type { Activation } from "@clip-ts/core";
import { initialLogitScale, initialSigmoidLogitBias, initialSigmoidLogitScale } from "@clip-ts/projection";
import type { BuiltInTextConfig, CausalTextConfig } from "@clip-ts/text-encoder";
import type { BuiltInVisionConfig, ResNetConfig, VitConfig } from "@clip-ts/vision-encoder";
import { timmSiglipVit } from "../config-files/open-clip-vision.ts";
import type { BuiltInClipConfig } from "../config.ts";
import { languageTowers } from "./language-towers.ts";
import { causalText, openaiText, resNet, vit } from "./towers.ts";

const textSizes = {
  base: { width: 768, layers: 12, heads: 12, mlpWidth: 3072 },
  large: { width: 1024, layers: 24, heads: 16, mlpWidth: 4096 },
  so400m: { width: 1152, layers: 27, heads: 16, mlpWidth: 4304 },
} as const;

/** Vocabulary and activation of the text tower in each generation, and what its names end in. */
const generations = {
  SigLIP: { vocabSize: 32_000, activation: "gelu" },
  "SigLIP-i18n": { vocabSize: 250_000, activation: "gelu" },
  SigLIP2: { vocabSize: 256_000, activation: "gelu_pytorch_tanh" },
} as const satisfies Readonly<Record<string, { vocabSize: number; activation: Activation }>>;

type Generation = keyof typeof generations;

/** Start of the names, timm's tower, text tower, generation, and image sizes; the first may go unnamed. */
type Row = readonly [
  start: string,
  tower: string,
  text: keyof typeof textSizes,
  generation: Generation,
  images: readonly number[],
];

const rows: readonly Row[] = [
  ["ViT-B-16", "base_patch16", "base", "SigLIP", [224, 256, 384, 512]],
  ["ViT-B-16", "base_patch16", "base", "SigLIP-i18n", [256]],
  ["ViT-B-16", "base_patch16", "base", "SigLIP2", [224, 256, 384, 512]],
  ["ViT-B-32", "base_patch32", "base", "SigLIP2", [256]],
  ["ViT-L-16", "large_patch16", "large", "SigLIP", [256, 384]],
  ["ViT-L-16", "large_patch16", "large", "SigLIP2", [256, 384, 512]],
  ["ViT-SO400M-14", "so400m_patch14", "so400m", "SigLIP", [224, 378, 384]],
  ["ViT-SO400M-14", "so400m_patch14", "so400m", "SigLIP2", [224, 378]],
  ["ViT-SO400M-16", "so400m_patch16", "so400m", "SigLIP-i18n", [256]],
  ["ViT-SO400M-16", "so400m_patch16", "so400m", "SigLIP2", [256, 384, 512]],
  ["ViT-gopt-16", "giantopt_patch16", "so400m", "SigLIP2", [256, 384]],
];

/** The multilingual SO400M alone ends without a head. */
const headless = "ViT-SO400M-16-SigLIP-i18n-256";
/** The first SO400M alone reads short captions. */
const short = "ViT-SO400M-14-SigLIP";

function textOf(name: string, [, , size, generation]: Row, joint: number): BuiltInTextConfig {
  const { vocabSize, activation } = generations[generation];
  const shared = {
    ...textSizes[size],
    activation,
    layerNormEps: 1e-6,
    vocabSize,
    contextLength: name === short ? 16 : 64,
  };
  if (name !== headless) {
    return { kind: "siglip", ...shared, endTokenId: 1, padTokenId: 1, headWidth: joint };
  }
  const ids = { startTokenId: vocabSize - 2, endTokenId: vocabSize - 1, padTokenId: 0 };
  return { ...shared, ...ids, causal: false, pooling: "last" };
}

function build(name: string, row: Row, image: number): BuiltInClipConfig {
  const vision = timmSiglipVit(`vit_${row[1]}_siglip_${image}`)!;
  return {
    projectionDim: vision.width,
    initialLogitScale: name === headless ? initialLogitScale : initialSigmoidLogitScale,
    initialLogitBias: initialSigmoidLogitBias,
    vision,
    text: textOf(name, row, vision.width),
    imageHead: "none",
    ...(name === headless && { textHead: "none" }),
    loss: { kind: "sigmoid" },
  };
}

/** open_clip's SigLIP models by their names there. */
const openClipSiglips: readonly (readonly [string, () => BuiltInClipConfig])[] = rows.flatMap((row) =>
  row[4].map((image) => {
    const name = `${row[0]}-${row[3]}${image === 224 ? "" : `-${image}`}`;
    return [name, () => build(name, row, image)] as const;
  }),
);

/** One of open_clip's models. */
export interface PublishedModel {
  readonly name: string;
  readonly config: BuiltInClipConfig;
}

/** Width, layers, heads, and the hidden layer's length where it is not four times the width. */
type VitSize = readonly [width: number, layers: number, heads: number, mlpWidth?: number];

const vitSizes = {
  S: [384, 12, 6],
  M: [512, 12, 8],
  B: [768, 12, 12],
  "B+": [896, 12, 14],
  L: [1024, 24, 16],
  H: [1280, 32, 16],
  g: [1408, 40, 16, 6144],
  bigG: [1664, 48, 16, 8192],
  e: [1792, 56, 16, 15360],
} as const satisfies Readonly<Record<string, VitSize>>;

/** A vision transformer with OpenAI's text tower: size, patch, image, joint width, width and layers of the text tower. */
type VitRow = readonly [
  size: keyof typeof vitSizes,
  patch: number,
  image: number,
  joint: number,
  textWidth: number,
  textLayers?: number,
];

const vits: Readonly<Record<string, VitRow>> = {
  "ViT-S-32": ["S", 32, 224, 384, 384],
  "ViT-S-32-alt": ["S", 32, 224, 256, 256, 10],
  "ViT-S-16": ["S", 16, 224, 384, 384],
  "ViT-S-16-alt": ["S", 16, 224, 256, 256, 10],
  "ViT-M-32": ["M", 32, 224, 512, 512],
  "ViT-M-32-alt": ["M", 32, 224, 384, 384],
  "ViT-M-16": ["M", 16, 224, 512, 512],
  "ViT-M-16-alt": ["M", 16, 224, 384, 384],
  "ViT-B-32": ["B", 32, 224, 512, 512],
  "ViT-B-32-256": ["B", 32, 256, 512, 512],
  "ViT-B-16": ["B", 16, 224, 512, 512],
  "ViT-B-32-plus-256": ["B+", 32, 256, 640, 640],
  "ViT-B-16-plus": ["B+", 16, 224, 640, 640],
  "ViT-B-16-plus-240": ["B+", 16, 240, 640, 640],
  "ViT-L-16": ["L", 16, 224, 768, 768],
  "ViT-L-16-320": ["L", 16, 320, 768, 768],
  "ViT-L-14": ["L", 14, 224, 768, 768],
  "ViT-L-14-280": ["L", 14, 280, 768, 768],
  "ViT-L-14-336": ["L", 14, 336, 768, 768],
  "ViT-H-16": ["H", 16, 224, 1024, 1024, 24],
  "ViT-H-14": ["H", 14, 224, 1024, 1024, 24],
  "ViT-H-14-378": ["H", 14, 378, 1024, 1024, 24],
  "ViT-g-14": ["g", 14, 224, 1024, 1024, 24],
  "ViT-bigG-14": ["bigG", 14, 224, 1280, 1280, 32],
  "ViT-e-14": ["e", 14, 224, 1280, 1280, 36],
};

/** MetaCLIP 2: a model above with another vocabulary, whose end token is not the last, and its images. */
const worldwide: Readonly<Record<string, readonly [of: string, vocabulary: number, endToken: number, image: number]>> =
  {
    "ViT-L-14-worldwide": ["ViT-L-14", 250_100, 1, 224],
    "ViT-H-14-worldwide": ["ViT-H-14", 901_629, 2, 224],
    "ViT-H-14-worldwide-378": ["ViT-H-14", 901_629, 2, 378],
    "ViT-bigG-14-worldwide": ["ViT-bigG-14", 901_629, 2, 224],
    "ViT-bigG-14-worldwide-378": ["ViT-bigG-14", 901_629, 2, 378],
  };

/** Joint width, image, width, blocks of the stages, width of the text tower. */
const resNets: Readonly<Record<string, readonly [number, number, number, ResNetConfig["layers"], number]>> = {
  RN50: [1024, 224, 64, [3, 4, 6, 3], 512],
  RN101: [512, 224, 64, [3, 4, 23, 3], 512],
  RN50x4: [640, 288, 80, [4, 6, 10, 6], 640],
  RN50x16: [768, 384, 96, [6, 8, 18, 8], 768],
  RN50x64: [1024, 448, 128, [3, 15, 36, 10], 1024],
};

/** Models that open_clip has with QuickGELU too, under the same name with "-quickgelu" behind it. */
const quick: ReadonlySet<string> = new Set([
  ...Object.keys(resNets),
  "ViT-B-32",
  "ViT-B-16",
  "ViT-L-14",
  "ViT-L-14-336",
  "ViT-L-14-worldwide",
  "ViT-H-14",
  "ViT-H-14-378",
  "ViT-H-14-worldwide",
  "ViT-bigG-14",
]);

function clip(projectionDim: number, vision: BuiltInVisionConfig, text: BuiltInClipConfig["text"]): BuiltInClipConfig {
  return { projectionDim, initialLogitScale, vision, text };
}

function buildVit(row: VitRow, activation: Activation): BuiltInClipConfig {
  const [size, patch, image, joint, textWidth, textLayers] = row;
  const [width, layers, heads, mlpWidth = 4 * width]: VitSize = vitSizes[size];
  const plain = vit({ image, patch, width, layers, heads }, activation);
  const tower: VitConfig = { ...plain, mlpWidth };
  return clip(joint, tower, openaiText(textWidth, activation, textLayers));
}

function buildResNet(name: string, activation: Activation): BuiltInClipConfig {
  const [joint, image, width, layers, textWidth] = resNets[name]!;
  return clip(joint, resNet({ image, width, layers, joint }), openaiText(textWidth, activation));
}

function buildWorldwide(name: string, activation: Activation): BuiltInClipConfig {
  const [of, vocabSize, endTokenId, imageSize] = worldwide[name]!;
  const model = buildVit(vits[of]!, activation);
  const vision = { ...model.vision, imageSize };
  const text = model.text as CausalTextConfig;
  return {
    ...model,
    vision,
    text: { ...text, vocabSize, startTokenId: vocabSize - 2, endTokenId },
  };
}

/** A vision transformer beside an encoder of language whose tokens' mean is pooled, and an MLP behind it. */
function buildLanguage(of: string, name: string, activation: Activation): BuiltInClipConfig {
  const { projectionDim, vision } = buildVit(vits[of]!, activation);
  const text = { ...languageTowers[name]!, pooling: "mean" } as BuiltInTextConfig;
  return { ...clip(projectionDim, vision, text), textHead: "mlp" };
}

/** CLIPA: sizes of the vision tower, joint width; layers of the text tower, which is as wide. */
const clipas: Readonly<Record<string, readonly [size: keyof typeof vitSizes, joint: number, textLayers: number]>> = {
  "ViT-L-14-CLIPA": ["L", 768, 12],
  "ViT-H-14-CLIPA": ["H", 1024, 24],
  "ViT-bigG-14-CLIPA": ["bigG", 1280, 32],
};

/** No norm before the blocks, the mean of the patches normed; short captions of BERT's words, read both ways. */
function buildClipa(name: string, image: number): BuiltInClipConfig {
  const [size, joint, layers] = clipas[name]!;
  const { vision, projectionDim } = buildVit([size, 14, image, joint, joint, layers], "gelu");
  const text = causalText({ vocab: 32_000, context: 32, width: joint, layers, heads: joint / 64 }, "gelu");
  const style = { preNorm: false, pooling: "mean", normAfterPool: true } as const;
  const tower: VitConfig = { ...(vision as VitConfig), ...style };
  return clip(projectionDim, tower, { ...text, causal: false, pooling: "last" });
}

/** NLLB-CLIP (Visheratin 2023, arXiv:2309.01859): the first token, which says the language, and a linear head. */
function nllbText(size: string): BuiltInTextConfig {
  return { ...languageTowers[`facebook/nllb-200-distilled-${size}`]!, pooling: "first" };
}

function buildNllb(of: string, size: string): BuiltInClipConfig {
  const { projectionDim, vision } = buildVit(vits[of]!, "gelu");
  return clip(projectionDim, vision, nllbText(size));
}

/** The same with SigLIP's vision tower, trained with the sigmoid loss. */
function buildNllbSiglip(tower: string, size: string): BuiltInClipConfig {
  const vision = timmSiglipVit(tower)!;
  return {
    ...clip(vision.width, vision, nllbText(size)),
    imageHead: "none",
    initialLogitBias: initialSigmoidLogitBias,
    loss: { kind: "sigmoid" },
  };
}

const alt = "ViT-M-16-alt"; // the only one with LayerScale

function withLayerScale(config: BuiltInClipConfig): BuiltInClipConfig {
  return { ...config, vision: { ...(config.vision as VitConfig), layerScale: 1e-4 } };
}

type Build = (activation: Activation) => BuiltInClipConfig;

const builders: readonly (readonly [string, Build])[] = [
  ...Object.entries(vits).map(([name, row]): [string, Build] => [
    name,
    (activation) => (name === alt ? withLayerScale(buildVit(row, activation)) : buildVit(row, activation)),
  ]),
  ...Object.keys(resNets).map((name): [string, Build] => [name, (act) => buildResNet(name, act)]),
  ...Object.keys(worldwide).map((name): [string, Build] => [name, (act) => buildWorldwide(name, act)]),
];

/**
 * open_clip's models by their names there, so far as clip-ts computes them: of 144, those with its own vision
 * transformers and ResNets beside its own text tower or Hugging Face's, CLIPA and SigLIP. Each config is made when it is
 * asked for.
 */
export const openClipModels: ReadonlyMap<string, () => BuiltInClipConfig> = new Map([
  ...builders.map(([name, build]) => [name, () => build("gelu")] as const),
  ...builders
    .filter(([name]) => quick.has(name))
    .map(([name, build]) => [`${name}-quickgelu`, () => build("quick_gelu")] as const),
  ...openClipSiglips,
  ...Object.keys(clipas).flatMap((name) => [
    [name, () => buildClipa(name, 224)] as const,
    [`${name}-336`, () => buildClipa(name, 336)] as const,
  ]),
  ["roberta-ViT-B-32", () => buildLanguage("ViT-B-32", "roberta-base", "quick_gelu")],
  ["xlm-roberta-base-ViT-B-32", () => buildLanguage("ViT-B-32", "xlm-roberta-base", "gelu")],
  ["xlm-roberta-large-ViT-H-14", () => buildLanguage("ViT-H-14", "xlm-roberta-large", "gelu")],
  ["mt5-base-ViT-B-32", () => buildLanguage("ViT-B-32", "google/mt5-base", "gelu")],
  ["mt5-xl-ViT-H-14", () => buildLanguage("ViT-H-14", "google/mt5-xl", "gelu")],
  ["nllb-clip-base", () => buildNllb("ViT-B-32", "600M")],
  ["nllb-clip-large", () => buildNllb("ViT-H-14", "1.3B")],
  ["nllb-clip-base-siglip", () => buildNllbSiglip("vit_base_patch16_siglip_384", "600M")],
  ["nllb-clip-large-siglip", () => buildNllbSiglip("vit_so400m_patch14_siglip_384", "1.3B")],
]);

/** All of them with their configs. */
export function publishedModels(): readonly PublishedModel[] {
  return [...openClipModels].map(([name, build]) => ({ name, config: build() }));
}
