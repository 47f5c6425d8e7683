import {
  isVit,
  type ResNetConfig,
  type VisionConfig,
  type VitConfig,
} from "@clip-ts/vision-encoder";
import type { BuiltInClipConfig } from "../config.ts";
import { squareSide, type ShapeReader } from "./shapes.ts";
import { inferStack } from "./infer-stack.ts";

const tower = "vision_model";

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
  const width = shapes.side(`${tower}.layer1.0.conv1.weight`, 0);
  const positions = `${tower}.attnpool.positional_embedding`;
  const stage = (index: number): number => shapes.count(`${tower}.layer${index}.`);
  return {
    kind: "resnet",
    layers: [stage(1), stage(2), stage(3), stage(4)],
    width,
    heads: 1,
    imageSize: squareSide(shapes.side(positions, 0) - 1, positions) * resnetFactor,
    channels: shapes.side(`${tower}.conv1.weight`, 1),
    outputDim: shapes.side(`${tower}.attnpool.c_proj.weight`, 0),
  };
}

/** What tells the transformers of CLIP, torchvision, Hugging Face and SigLIP apart; what is as in CLIP is left out. */
function styleOf(shapes: ShapeReader): Partial<VitConfig> {
  return {
    ...(!shapes.has(`${tower}.embeddings.class_embedding`) && { classToken: false }),
    ...(!shapes.has(`${tower}.pre_layrnorm.weight`) && { preNorm: false }),
    ...(shapes.has(`${tower}.embeddings.patch_embedding.bias`) && { patchBias: true }),
    ...(shapes.has(`${tower}.head.probe`) && { pooling: "attention" }),
    ...(shapes.has(`${tower}.pooler.dense.weight`) && { pooling: "pooler" }),
  };
}

/** The vision tower as far as its tensors' shapes tell it. */
export function inferVision(shapes: ShapeReader): InferredVision {
  if (shapes.has(`${tower}.layer1.0.conv1.weight`)) return inferResNet(shapes);
  const style = styleOf(shapes);
  const isPlain = style.preNorm !== false;
  const isSiglip = style.pooling === "attention";
  const kernel = `${tower}.embeddings.patch_embedding.weight`;
  const positions = `${tower}.embeddings.position_embedding.weight`;
  const patches = shapes.side(positions, 0) - (style.classToken === false ? 0 : 1);
  const patchSize = shapes.side(kernel, 2);
  const otherEps = style.pooling === "pooler" ? 1e-12 : 1e-6; // Hugging Face's ViT; torchvision, SigLIP
  return {
    ...inferStack(shapes, {
      prefix: `${tower}.encoder.layers.`,
      width: shapes.side(kernel, 0),
      activation: isSiglip ? "gelu_pytorch_tanh" : "gelu",
      layerNormEps: isPlain ? 1e-5 : otherEps,
    }),
    imageSize: squareSide(patches, positions) * patchSize,
    patchSize,
    channels: shapes.side(kernel, 1),
    ...style,
  };
}
