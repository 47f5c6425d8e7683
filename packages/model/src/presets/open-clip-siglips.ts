import type { Activation } from "@clip-ts/core";
import {
  initialLogitScale,
  initialSigmoidLogitBias,
  initialSigmoidLogitScale,
} from "@clip-ts/projection";
import type { BuiltInTextConfig } from "@clip-ts/text-encoder";
import { timmSiglipVit } from "../config-files/open-clip-siglip.ts";
import type { BuiltInClipConfig } from "../config.ts";

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
export const openClipSiglips: readonly (readonly [string, () => BuiltInClipConfig])[] =
  rows.flatMap((row) =>
    row[4].map((image) => {
      const name = `${row[0]}-${row[3]}${image === 224 ? "" : `-${image}`}`;
      return [name, () => build(name, row, image)] as const;
    }),
  );
