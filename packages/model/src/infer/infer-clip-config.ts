import { ClipError } from "@clip-ts/base";
import type { Activation } from "@clip-ts/core";
import { initialLogitScale, initialSigmoidLogitScale, type HeadKind } from "@clip-ts/projection";
import { visionFeatureWidth, type VisionConfig } from "@clip-ts/vision-encoder";
import type { ClipConfig } from "../config.ts";
import { inferText } from "./infer-text.ts";
import { inferVision } from "./infer-vision.ts";
import { ShapeReader, type TensorShapes } from "./shapes.ts";

/** What shapes do not tell. */
export interface InferOptions {
  /** QuickGELU for OpenAI's own checkpoints; most of open_clip's were trained with GELU. */
  readonly activation?: Activation;
}

/** The activation. @throws ClipError "bad-config" unless it was given. */
export function needActivation({ activation }: InferOptions): Activation {
  if (activation !== undefined) return activation;
  throw new ClipError(
    "bad-config",
    "These weights do not say whether they were trained with QuickGELU (OpenAI's) or GELU (most of open_clip's), " +
      "and the wrong one costs accuracy: give a config, or the activation.",
    { data: { missing: "activation" } },
  );
}

function headOf(shapes: ShapeReader, name: string): HeadKind {
  if (shapes.has(`${name}.fc1.weight`)) return "mlp";
  if (!shapes.has(`${name}.weight`)) return "none";
  return shapes.has(`${name}.bias`) ? "affine" : "linear";
}

function jointWidth(shapes: ShapeReader, vision: VisionConfig, head: HeadKind): number {
  if (head === "none") return visionFeatureWidth(vision);
  return shapes.side(`visual_projection.${head === "mlp" ? "fc2." : ""}weight`, 0);
}

/**
 * The config of a checkpoint without one, from its tensors' shapes, as OpenAI's own loader finds it
 * (openai/CLIP `build_model`): CLIP's transformers and ResNets, SigLIP, RoBERTa as text tower. Names are
 * those of clip-ts's parameter tree.
 * @throws ClipError "bad-weights" where a size cannot be told, "bad-config" if the activation has to be
 * given.
 */
export function inferClipConfig(tensors: TensorShapes, options: InferOptions = {}): ClipConfig {
  const shapes = new ShapeReader(tensors);
  const activation = (): Activation => needActivation(options);
  const vision = inferVision(shapes, activation);
  const imageHead = headOf(shapes, "visual_projection");
  const textHead = headOf(shapes, "text_projection");
  const isSigmoid = shapes.has("logit_bias");
  return {
    vision,
    text: inferText(shapes, activation),
    projectionDim: jointWidth(shapes, vision, imageHead),
    initialLogitScale: isSigmoid ? initialSigmoidLogitScale : initialLogitScale,
    ...(isSigmoid && { loss: { kind: "sigmoid" } }),
    ...(imageHead !== "linear" && vision.kind !== "resnet" && { imageHead }),
    ...(textHead !== "linear" && textHead !== "none" && { textHead }),
  };
}
