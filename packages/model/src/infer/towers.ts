import { ClipError } from "@clip-ts/base";
import type { Activation } from "@clip-ts/core";
import type { BuiltInTextConfig, RobertaTextConfig, SiglipTextConfig } from "@clip-ts/text-encoder";
import type { TransformerConfig } from "@clip-ts/transformer";
import { isVit, type ResNetConfig, type VisionConfig, type VitConfig } from "@clip-ts/vision-encoder";
import type { BuiltInClipConfig } from "../config.ts";
import { inferBert, inferLanguageTower } from "./language-towers.ts";
import { squareSide, type ShapeReader } from "./shapes.ts";

/** What of a stack is known before its layers are looked at. */
export interface StackFacts {
  /** What stands before the layers' numbers. */
  readonly prefix: string;
  readonly width: number;
  readonly layerNormEps: number;
  /** The one that every model of the kind has; a placeholder where the kind leaves a choice. */
  readonly activation: Activation;
}

/** Sizes of a stack of blocks from its first block and how many there are; one head, as none can be seen. */
function inferStack(shapes: ShapeReader, facts: StackFacts): TransformerConfig {
  const { prefix, ...known } = facts;
  const isBert = shapes.has(`${prefix}0.intermediate.dense.weight`);
  const hidden = isBert ? `${prefix}0.intermediate.dense.weight` : `${prefix}0.mlp.fc1.weight`;
  const gated = `${prefix}0.mlp.weights_out.weight`;
  return {
    ...known,
    heads: 1,
    layers: shapes.count(prefix),
    mlpWidth: shapes.has(gated) ? shapes.side(gated, 1) : shapes.side(hidden, 0),
    ...(shapes.has(`${prefix}0.layer_scale1.lambda1`) && { layerScale: 1e-5 }),
  };
}

const textTower = "text_model";

/** RoBERTa's special tokens (Liu et al. 2019): start 0, padding 1, end 2. */
const roberta = { startTokenId: 0, padTokenId: 1, endTokenId: 2 } as const;

function inferRoberta(shapes: ShapeReader): RobertaTextConfig {
  const tokens = `${textTower}.embeddings.word_embeddings.weight`;
  const positions = shapes.side(`${textTower}.embeddings.position_embeddings.weight`, 0);
  return {
    kind: "roberta",
    ...inferStack(shapes, {
      prefix: `${textTower}.encoder.layer.`,
      width: shapes.side(tokens, 1),
      activation: "gelu",
      layerNormEps: 1e-5,
    }),
    vocabSize: shapes.side(tokens, 0),
    contextLength: positions - roberta.padTokenId - 1,
    ...roberta,
    tokenTypes: shapes.side(`${textTower}.embeddings.token_type_embeddings.weight`, 0),
    pooling: shapes.has(`${textTower}.pooler.dense.weight`) ? "pooler" : "mean",
  };
}

/** The text tower as far as its tensors' shapes tell it. */
export function inferText(shapes: ShapeReader): BuiltInTextConfig {
  if (shapes.has(`${textTower}.embeddings.word_embeddings.weight`)) return inferBert(shapes) ?? inferRoberta(shapes);
  const language = inferLanguageTower(shapes);
  if (language !== undefined) return language;
  const tokens = `${textTower}.embeddings.token_embedding.weight`;
  const head = `${textTower}.head.weight`;
  const isSiglip = shapes.has(head);
  const vocabSize = shapes.side(tokens, 0);
  const shared = {
    ...inferStack(shapes, {
      prefix: `${textTower}.encoder.layers.`,
      width: shapes.side(tokens, 1),
      activation: isSiglip ? "gelu_pytorch_tanh" : "gelu",
      layerNormEps: isSiglip ? 1e-6 : 1e-5,
    }),
    vocabSize,
    contextLength: shapes.side(`${textTower}.embeddings.position_embedding.weight`, 0),
  };
  if (isSiglip) {
    const headWidth = shapes.side(head, 0);
    return {
      kind: "siglip",
      ...shared,
      endTokenId: 1,
      padTokenId: 1,
      headWidth,
    } satisfies SiglipTextConfig;
  }
  return { ...shared, startTokenId: vocabSize - 2, endTokenId: vocabSize - 1, padTokenId: 0 };
}

const visionTower = "vision_model";

/** The vision towers that a checkpoint's shapes tell; a kind that is not among them needs its config. */
export type InferredVision = VitConfig | ResNetConfig;

/** A model with such a tower. */
export interface InferredClip extends BuiltInClipConfig {
  readonly vision: InferredVision;
}

/** Whether shapes would tell the vision tower of a model. */
export function isInferred(config: BuiltInClipConfig): config is InferredClip {
  const vision: VisionConfig = config.vision;
  return isVit(vision) || vision.kind === "resnet";
}

/** The last feature map is this much smaller than the image, and its channels this much more than the width. */
const resnetFactor = 32;

function inferResNet(shapes: ShapeReader): ResNetConfig {
  const width = shapes.side(`${visionTower}.layer1.0.conv1.weight`, 0);
  const positions = `${visionTower}.attnpool.positional_embedding`;
  const stage = (index: number): number => shapes.count(`${visionTower}.layer${index}.`);
  return {
    kind: "resnet",
    layers: [stage(1), stage(2), stage(3), stage(4)],
    width,
    heads: 1,
    imageSize: squareSide(shapes.side(positions, 0) - 1, positions) * resnetFactor,
    channels: shapes.side(`${visionTower}.conv1.weight`, 1),
    outputDim: shapes.side(`${visionTower}.attnpool.c_proj.weight`, 0),
  };
}

/** What only DeiT and DINOv2 have. */
function laterStyleOf(shapes: ShapeReader): Partial<VitConfig> {
  const registers = `${visionTower}.embeddings.register_embedding`;
  return {
    ...(shapes.has(`${visionTower}.embeddings.distillation_embedding`) && { distillationToken: true }),
    ...(shapes.has(registers) && { registerTokens: shapes.side(registers, 0) }),
    ...(shapes.has(`${visionTower}.encoder.layers.0.mlp.weights_in.weight`) && { gated: true }),
  };
}

/** What tells the transformers of CLIP, torchvision, Hugging Face and SigLIP apart; what is as in CLIP is left out. */
function styleOf(shapes: ShapeReader): Partial<VitConfig> {
  return {
    ...laterStyleOf(shapes),
    ...(!shapes.has(`${visionTower}.embeddings.class_embedding`) && { classToken: false }),
    ...(!shapes.has(`${visionTower}.pre_layrnorm.weight`) && { preNorm: false }),
    ...(shapes.has(`${visionTower}.embeddings.patch_embedding.bias`) && { patchBias: true }),
    ...(shapes.has(`${visionTower}.head.probe`) && { pooling: "attention" }),
    ...(shapes.has(`${visionTower}.pooler.dense.weight`) && { pooling: "pooler" }),
  };
}

/** SigLIP 2 NaFlex has a linear layer where others have a convolution: its shape tells no patch, and no head. */
function refuseNaflex(shapes: ShapeReader, kernel: string): void {
  if (shapes.rank(kernel) !== 2) return;
  throw new ClipError(
    "bad-weights",
    `${kernel} is a linear layer, as in SigLIP 2 NaFlex, whose sizes no weights alone tell: give its config, or open ` +
      "the folder that it comes in.",
    { data: { name: kernel } },
  );
}

/** The vision tower as far as its tensors' shapes tell it. */
export function inferVision(shapes: ShapeReader): InferredVision {
  if (shapes.has(`${visionTower}.layer1.0.conv1.weight`)) return inferResNet(shapes);
  const style = styleOf(shapes);
  const isPlain = style.preNorm !== false;
  const isSiglip = style.pooling === "attention";
  const kernel = `${visionTower}.embeddings.patch_embedding.weight`;
  refuseNaflex(shapes, kernel);
  const positions = `${visionTower}.embeddings.position_embedding.weight`;
  const placed = (style.classToken === false ? 0 : 1) + (style.distillationToken === true ? 1 : 0);
  const patches = shapes.side(positions, 0) - placed;
  const patchSize = shapes.side(kernel, 2);
  const otherEps = style.pooling === "pooler" ? 1e-12 : 1e-6; // Hugging Face's ViT; torchvision, SigLIP
  return {
    ...inferStack(shapes, {
      prefix: `${visionTower}.encoder.layers.`,
      width: shapes.side(kernel, 0),
      activation: style.gated === true ? "silu" : isSiglip ? "gelu_pytorch_tanh" : "gelu",
      layerNormEps: isPlain ? 1e-5 : otherEps,
    }),
    imageSize: squareSide(patches, positions) * patchSize,
    patchSize,
    channels: shapes.side(kernel, 1),
    ...style,
  };
}
