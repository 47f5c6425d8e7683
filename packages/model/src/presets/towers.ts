import type { Activation } from "@clip-ts/core";
import type { CausalTextConfig, RobertaTextConfig } from "@clip-ts/text-encoder";
import type { ResNetConfig, VitConfig } from "@clip-ts/vision-encoder";

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

/** RoBERTa-base, its first token pooled. */
export const robertaBase: RobertaTextConfig = {
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
  pooling: "first",
};

const { pooling: _pooling, ...base } = robertaBase;
const large = { width: 1024, layers: 24, heads: 16, mlpWidth: 4096 } as const;
const multilingual = { vocabSize: 250_002 } as const;

/** The published RoBERTas by their names on the hub, without their pooling. */
export const robertaTowers: Readonly<Record<string, Omit<RobertaTextConfig, "pooling">>> = {
  "roberta-base": base,
  "roberta-large": { ...base, ...large },
  "xlm-roberta-base": { ...base, ...multilingual },
  "xlm-roberta-large": { ...base, ...large, ...multilingual },
};
