import type { RobertaTextConfig } from "@clip-ts/text-encoder";
import type { TowerConfig } from "../config-files/tower-alone.ts";
import { needActivation, type InferOptions } from "./infer-clip-config.ts";
import { inferText } from "./infer-text.ts";
import { inferVision } from "./infer-vision.ts";
import { ShapeReader, type TensorShapes } from "./shapes.ts";

/**
 * The config of one tower alone, from its tensors' shapes: torchvision's ViT, CLIP's vision towers or
 * RoBERTa. Names are those of clip-ts's parameter tree.
 * @returns undefined for both towers, none, or a text tower that is no RoBERTa.
 * @throws ClipError "bad-weights" where a size cannot be told, "bad-config" if the activation has to be
 * given.
 */
export function inferTowerConfig(
  tensors: TensorShapes,
  options: InferOptions = {},
): TowerConfig | undefined {
  const shapes = new ShapeReader(tensors);
  const isSide = (start: string): boolean =>
    tensors.size > 0 && [...tensors.keys()].every((name) => name.startsWith(start));
  if (isSide("vision_model.")) {
    return { side: "vision", config: inferVision(shapes, () => needActivation(options)) };
  }
  if (!isSide("text_model.")) return undefined;
  const text = inferText(shapes, () => needActivation(options));
  return text.kind === "roberta" ? { side: "text", config: byItself(text) } : undefined;
}

/** Without the head of a model around it, RoBERTa gives its first token, or what its pooler makes of it. */
function byItself(text: RobertaTextConfig): RobertaTextConfig {
  return { ...text, pooling: text.pooling === "pooler" ? "pooler" : "first" };
}
