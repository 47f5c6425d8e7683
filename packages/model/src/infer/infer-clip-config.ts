import { ClipError } from "@clip-ts/base";
import { initialLogitScale, initialSigmoidLogitScale, type HeadKind } from "@clip-ts/projection";
import { textTower, type RobertaTextConfig } from "@clip-ts/text-encoder";
import {
  isVit,
  visionFeatureWidth,
  visionTower,
  type BuiltInVisionConfig,
  type VitConfig,
} from "@clip-ts/vision-encoder";
import type { TowerConfig } from "../config-files/tower-alone.ts";
import type { BuiltInClipConfig } from "../config.ts";
import { publishedModels } from "../presets/open-clip-models.ts";
import { fillAsPublished, fillAsSaid, publishedOfSize, textAsSaid, visionAsSaid } from "./fill.ts";
import { refuseOptions } from "./options.ts";
import { refuseGuess, ShapeReader, type InferOptions, type Missing, type TensorShapes } from "./shapes.ts";
import { inferText, inferVision, type InferredClip, type InferredVision } from "./towers.ts";

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
function sketchClip(shapes: ShapeReader): InferredClip {
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

/** Heads of published vision transformers by width and layers, where these agree. */
function publishedVitHeads(vision: VitConfig): number | undefined {
  const alike = publishedModels().flatMap(({ config }) =>
    isVit(config.vision) && config.vision.width === vision.width && config.vision.layers === vision.layers
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
export function inferTowerConfig(tensors: TensorShapes, options: InferOptions = {}): TowerConfig | undefined {
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

/** Refuses a tower whose tensors show that it computes something that its shapes do not tell. */
function refuseUnknownTower(vision: BuiltInVisionConfig): void {
  if (!isVit(vision) || vision.classToken === false || vision.patchBias === true) return;
  if (vision.preNorm !== false) return;
  throw new ClipError(
    "bad-weights",
    "These weights have a class token and no norm before the blocks, as CLIPA's and open_clip's " +
      '"no_ln_pre", and the sizes of no published CLIPA: what such a model pools, and whether it is normed ' +
      'before or after, only a config says. Give its config, open_clip\'s with "no_ln_pre", "pool_type" and ' +
      '"final_ln_after_pool".',
    { data: { missing: ["pooling"] } },
  );
}

/**
 * The config of a checkpoint without one: CLIP's transformers and ResNets, SigLIP, RoBERTa as text tower.
 * Shapes tell the sizes. What they do not (heads, activations, the end of a caption, what is pooled) is
 * taken from a published model of open_clip's of just these sizes, or has to be given. Names are those of
 * clip-ts's parameter tree.
 * @throws ClipError "bad-weights" where a size cannot be told, "bad-config" with `data.missing` where
 * something has to be given.
 */
export function inferClipConfig(tensors: TensorShapes, options: InferOptions = {}): BuiltInClipConfig {
  refuseOptions(tensors);
  const sketch = sketchClip(new ShapeReader(tensors));
  const published = publishedOfSize(sketch);
  if (published.length === 0) refuseUnknownTower(sketch.vision);
  return published.length > 0 ? fillAsPublished(sketch, published, options) : fillAsSaid(sketch, options);
}
