import { initialLogitScale, initialSigmoidLogitScale, type HeadKind } from "@clip-ts/projection";
import { textTower } from "@clip-ts/text-encoder";
import { visionFeatureWidth, visionTower } from "@clip-ts/vision-encoder";
import { inferText } from "./infer-text.ts";
import { inferVision, type InferredClip, type InferredVision } from "./infer-vision.ts";
import type { ShapeReader } from "./shapes.ts";

function headOf(shapes: ShapeReader, name: string): HeadKind {
  if (shapes.has(`${name}.fc1.weight`)) return "mlp";
  if (!shapes.has(`${name}.weight`)) return "none";
  return shapes.has(`${name}.bias`) ? "affine" : "linear";
}

function jointWidth(shapes: ShapeReader, vision: InferredVision, head: HeadKind): number {
  if (head === "none") return visionFeatureWidth(vision);
  return shapes.side(`visual_projection.${head === "mlp" ? "fc2." : ""}weight`, 0);
}

/**
 * What the shapes of a whole model tell of its config. What they do not tell, heads and activations above
 * all, is filled in as in CLIP, with one head, and means nothing yet.
 */
export function sketchClip(shapes: ShapeReader): InferredClip {
  const vision = inferVision(shapes);
  const text = inferText(shapes);
  const imageHead = headOf(shapes, "visual_projection");
  const textHead = headOf(shapes, "text_projection");
  const isSigmoid = shapes.has("logit_bias");
  const usualTextHead = textTower(text).endsInJointSpace ? "none" : "linear";
  return {
    vision,
    text,
    projectionDim: jointWidth(shapes, vision, imageHead),
    initialLogitScale: isSigmoid ? initialSigmoidLogitScale : initialLogitScale,
    ...(isSigmoid && { loss: { kind: "sigmoid" } }),
    ...(imageHead !== "linear" && !visionTower(vision).endsInJointSpace && { imageHead }),
    ...(textHead !== usualTextHead && { textHead }),
  };
}
