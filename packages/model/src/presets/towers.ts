import { ClipError } from "@clip-ts/base";
import type { Activation } from "@clip-ts/core";
import type { CausalTextConfig, RobertaTextConfig } from "@clip-ts/text-encoder";
import type { NaflexConfig, ResNetConfig, VitConfig } from "@clip-ts/vision-encoder";

/** Sizes of a stack of blocks; the hidden layers of its MLPs are four times as wide. */
interface Stack {
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
}

/** A CLIP vision transformer for colour images. */
export function vit(
  { image, patch, ...stack }: Stack & { readonly image: number; readonly patch: number },
  activation: Activation,
): VitConfig {
  return {
    ...stack,
    mlpWidth: 4 * stack.width,
    activation,
    layerNormEps: 1e-5,
    imageSize: image,
    patchSize: patch,
    channels: 3,
  };
}

/** CLIP's causal text tower; the last two ids of its vocabulary are start and end. */
export function causalText(
  { vocab, context, ...stack }: Stack & { readonly vocab: number; readonly context: number },
  activation: Activation,
): CausalTextConfig {
  return {
    ...stack,
    mlpWidth: 4 * stack.width,
    activation,
    layerNormEps: 1e-5,
    vocabSize: vocab,
    contextLength: context,
    startTokenId: vocab - 2,
    endTokenId: vocab - 1,
    padTokenId: 0,
  };
}

/** The text tower of OpenAI's models at a given width; heads are 64 wide. */
export function openaiText(width: number, activation: Activation, layers = 12): CausalTextConfig {
  const heads = width / 64;
  return causalText({ vocab: 49408, context: 77, width, layers, heads }, activation);
}

/** CLIP's modified ResNet for colour images; heads of its attention pool are 64 wide. */
export function resNet(sizes: {
  readonly image: number;
  readonly width: number;
  readonly layers: ResNetConfig["layers"];
  readonly joint: number;
}): ResNetConfig {
  return {
    kind: "resnet",
    layers: sizes.layers,
    width: sizes.width,
    heads: sizes.width / 2,
    outputDim: sizes.joint,
    imageSize: sizes.image,
    channels: 3,
  };
}

/** A RoBERTa before something is said of what it pools. */
export type RobertaTower = Omit<RobertaTextConfig, "pooling">;

const robertaBase: RobertaTower = {
  kind: "roberta",
  width: 768,
  layers: 12,
  heads: 12,
  mlpWidth: 3072,
  activation: "gelu",
  layerNormEps: 1e-5,
  vocabSize: 50265,
  contextLength: 512,
  startTokenId: 0,
  endTokenId: 2,
  padTokenId: 1,
  tokenTypes: 1,
};

const large = { width: 1024, layers: 24, heads: 16, mlpWidth: 4096 } as const;
const multilingual = { vocabSize: 250_002 } as const;

/** The published RoBERTas by their names on the hub, without their pooling. */
export const robertaTowers: Readonly<Record<string, RobertaTower>> = {
  "roberta-base": robertaBase,
  "roberta-large": { ...robertaBase, ...large },
  "xlm-roberta-base": { ...robertaBase, ...multilingual },
  "xlm-roberta-large": { ...robertaBase, ...large, ...multilingual },
};

/** A vision transformer as torchvision builds it, without its classifier: no norm before the blocks, a bias on the patches. */
function torchvisionVit(patch: number, stack: Stack): VitConfig {
  const config = vit({ image: 224, patch, ...stack }, "gelu");
  return { ...config, layerNormEps: 1e-6, preNorm: false, patchBias: true };
}

const vitBase = { width: 768, layers: 12, heads: 12 };
const vitLarge = { width: 1024, layers: 24, heads: 16 };

/** Names of vision towers alone: torchvision's functions. */
export type VisionTowerName = "vit_b_16" | "vit_b_32" | "vit_l_16" | "vit_l_32" | "vit_h_14";

const torchvisionTowers: Readonly<Record<VisionTowerName, () => VitConfig>> = {
  vit_b_16: () => torchvisionVit(16, vitBase),
  vit_b_32: () => torchvisionVit(32, vitBase),
  vit_l_16: () => torchvisionVit(16, vitLarge),
  vit_l_32: () => torchvisionVit(32, vitLarge),
  vit_h_14: () => torchvisionVit(14, { width: 1280, layers: 32, heads: 16 }),
};

/** SigLIP 2's vision transformer of pictures that keep their shape, with positions of `grid` by `grid`. */
export function naflexVit({
  grid,
  patch,
  mlpWidth,
  ...stack
}: Stack & { readonly grid: number; readonly patch: number; readonly mlpWidth: number }): NaflexConfig {
  return {
    kind: "naflex",
    ...stack,
    mlpWidth,
    activation: "gelu_pytorch_tanh",
    layerNormEps: 1e-6,
    imageSize: grid * patch,
    patchSize: patch,
    channels: 3,
  };
}

/** Names of vision towers whose pictures keep their shape: the SigLIP 2 NaFlex models of the Hugging Face hub. */
export type NaflexTowerName = "siglip2-base-patch16-naflex" | "siglip2-so400m-patch16-naflex";

const naflexTowers: Readonly<Record<NaflexTowerName, () => NaflexConfig>> = {
  "siglip2-base-patch16-naflex": () => naflexVit({ grid: 16, patch: 16, ...vitBase, mlpWidth: 3072 }),
  "siglip2-so400m-patch16-naflex": () =>
    naflexVit({ grid: 16, patch: 16, width: 1152, layers: 27, heads: 16, mlpWidth: 4304 }),
};

/** Names of text towers alone: the RoBERTas of the Hugging Face hub. */
export type TextTowerName = "roberta-base" | "roberta-large" | "xlm-roberta-base" | "xlm-roberta-large";

/** Every name that `towerPreset` knows. */
export const towerPresetNames: readonly (VisionTowerName | NaflexTowerName | TextTowerName)[] = [
  ...(Object.keys(torchvisionTowers) as VisionTowerName[]),
  ...(Object.keys(naflexTowers) as NaflexTowerName[]),
  ...(Object.keys(robertaTowers) as TextTowerName[]),
];

/**
 * The config of one published tower, to put a model together from: torchvision's vision transformers at 224 pixels
 * and without their classifier (the feature is the class token after the last norm), SigLIP 2's of pictures that keep
 * their shape, or RoBERTa whose first token stands for the caption. A head of the model takes either to the joint space.
 * @throws ClipError "bad-config" for an unknown name.
 */
export function towerPreset(name: VisionTowerName): VitConfig;
export function towerPreset(name: NaflexTowerName): NaflexConfig;
export function towerPreset(name: TextTowerName): RobertaTextConfig;
export function towerPreset(name: string): VitConfig | NaflexConfig | RobertaTextConfig {
  if (name in torchvisionTowers) return torchvisionTowers[name as VisionTowerName]();
  if (name in naflexTowers) return naflexTowers[name as NaflexTowerName]();
  const text = robertaTowers[name];
  if (text !== undefined) return { ...text, pooling: "first" };
  throw new ClipError(
    "bad-config",
    `There is no tower preset "${name}". Tower presets: ${towerPresetNames.join(", ")}.`,
    { data: { name } },
  );
}
