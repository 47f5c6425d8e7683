import { ClipError } from "@clip-ts/base";
import { initialLogitScale } from "@clip-ts/projection";
import type { ClipConfig } from "./config.ts";

/** Sizes of one preset; what is not said is as in OpenAI's models. */
interface Sizes {
  readonly joint: number;
  readonly vision: { image: number; patch: number; width: number; layers: number; heads: number };
  readonly text: { vocab: number; context: number; width: number; layers: number; heads: number };
}

const openaiText = { vocab: 49408, context: 77, width: 512, layers: 12, heads: 8 };
const largeText = { ...openaiText, width: 768, heads: 12 };
const base = { width: 768, layers: 12, heads: 12 };
const large = { patch: 14, width: 1024, layers: 24, heads: 16 };

/** Names of the built-in model sizes. */
export type PresetName =
  | "ViT-B/32"
  | "ViT-B/16"
  | "ViT-L/14"
  | "ViT-L/14-336"
  | "small"
  | "tiny"
  | "nano";

const sizes: Readonly<Record<PresetName, Sizes>> = {
  "ViT-B/32": { joint: 512, vision: { image: 224, patch: 32, ...base }, text: openaiText },
  "ViT-B/16": { joint: 512, vision: { image: 224, patch: 16, ...base }, text: openaiText },
  "ViT-L/14": { joint: 768, vision: { image: 224, ...large }, text: largeText },
  "ViT-L/14-336": { joint: 768, vision: { image: 336, ...large }, text: largeText },
  /** For laptops: learns small pictures and short captions in minutes. */
  small: {
    joint: 128,
    vision: { image: 48, patch: 12, width: 128, layers: 3, heads: 4 },
    text: { vocab: 8192, context: 32, width: 128, layers: 2, heads: 4 },
  },
  /** For demonstrations: learns toy pictures in seconds. */
  tiny: {
    joint: 64,
    vision: { image: 32, patch: 8, width: 64, layers: 2, heads: 2 },
    text: { vocab: 2048, context: 24, width: 64, layers: 2, heads: 2 },
  },
  /** For tests. */
  nano: {
    joint: 8,
    vision: { image: 8, patch: 4, width: 16, layers: 1, heads: 2 },
    text: { vocab: 600, context: 12, width: 12, layers: 1, heads: 2 },
  },
};

/** Every built-in size, largest family first. */
export const presetNames: readonly PresetName[] = Object.keys(sizes) as PresetName[];

const shared = { activation: "quick_gelu", layerNormEps: 1e-5 } as const;

/** The config of a built-in size. @throws ClipError "bad-config" for an unknown name. */
export function preset(name: string): ClipConfig {
  if (!Object.hasOwn(sizes, name)) {
    throw new ClipError(
      "bad-config",
      `There is no model preset "${name}". Presets: ${presetNames.join(", ")}.`,
      { data: { name } },
    );
  }
  const { joint, vision, text } = sizes[name as PresetName];
  return {
    projectionDim: joint,
    initialLogitScale,
    vision: {
      ...shared,
      width: vision.width,
      layers: vision.layers,
      heads: vision.heads,
      mlpWidth: 4 * vision.width,
      imageSize: vision.image,
      patchSize: vision.patch,
      channels: 3,
    },
    text: {
      ...shared,
      width: text.width,
      layers: text.layers,
      heads: text.heads,
      mlpWidth: 4 * text.width,
      vocabSize: text.vocab,
      contextLength: text.context,
      startTokenId: text.vocab - 2,
      endTokenId: text.vocab - 1,
      padTokenId: 0,
    },
  };
}
