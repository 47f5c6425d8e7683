import type { RobertaTextConfig } from "@clip-ts/text-encoder";
import { isVit, type VitConfig } from "@clip-ts/vision-encoder";
import type { TowerConfig } from "../config-files/tower-alone.ts";
import { publishedModels } from "../presets/open-clip-models.ts";
import { textAsSaid, visionAsSaid } from "./fill-as-said.ts";
import { refuseUnknownTower } from "./infer-clip-config.ts";
import type { InferOptions } from "./infer-options.ts";
import { inferText } from "./infer-text.ts";
import { inferVision, type InferredVision } from "./infer-vision.ts";
import { refuseGuess, type Missing } from "./missing.ts";
import { ShapeReader, type TensorShapes } from "./shapes.ts";

/** Heads of published vision transformers by width and layers, where these agree. */
function publishedVitHeads(vision: VitConfig): number | undefined {
  const alike = publishedModels().flatMap(({ config }) =>
    isVit(config.vision) &&
    config.vision.width === vision.width &&
    config.vision.layers === vision.layers
      ? [config.vision.heads]
      : [],
  );
  return new Set(alike).size === 1 ? alike[0] : undefined;
}

/** Heads of published towers of the same size; every ResNet's are 64 numbers long. */
function publishedHeads(vision: InferredVision): number | undefined {
  return isVit(vision) ? publishedVitHeads(vision) : vision.width / 2;
}

function visionAlone(vision: InferredVision, options: InferOptions): InferredVision {
  refuseUnknownTower(vision);
  const missing = new Set<Missing>();
  const heads = options.heads?.vision ?? publishedHeads(vision);
  const config = visionAsSaid(vision, { ...options, heads: { vision: heads } }, missing);
  if (missing.size > 0) refuseGuess([...missing]);
  if (options.heads?.vision === undefined && options.isOpenai !== true) {
    options.onAssume?.(`took ${config.heads} attention heads, as in published towers of this size`);
  }
  return config;
}

/** Without the head of a model around it, RoBERTa gives its first token, or what its pooler makes of it. */
function robertaAlone(text: RobertaTextConfig, options: InferOptions): RobertaTextConfig {
  const missing = new Set<Missing>();
  const config = textAsSaid(text, options, missing) as RobertaTextConfig;
  if (missing.size > 0) refuseGuess([...missing]);
  return { ...config, pooling: text.pooling === "pooler" ? "pooler" : "first" };
}

/**
 * The config of one tower alone, from its tensors' shapes: torchvision's ViT, CLIP's vision towers or
 * RoBERTa. Names are those of clip-ts's parameter tree.
 * @returns undefined for both towers, none, or a text tower that is no RoBERTa.
 * @throws ClipError "bad-weights" where a size cannot be told, "bad-config" with `data.missing` where
 * something has to be given.
 */
export function inferTowerConfig(
  tensors: TensorShapes,
  options: InferOptions = {},
): TowerConfig | undefined {
  const shapes = new ShapeReader(tensors);
  const isSide = (start: string): boolean =>
    tensors.size > 0 && [...tensors.keys()].every((name) => name.startsWith(start));
  if (isSide("vision_model.")) {
    return { side: "vision", config: visionAlone(inferVision(shapes), options) };
  }
  if (!isSide("text_model.")) return undefined;
  const text = inferText(shapes);
  if (text.kind !== "roberta") return undefined;
  return { side: "text", config: robertaAlone(text, options) };
}
