import type { Activation } from "@clip-ts/core";
import { textKind, type RobertaTextConfig, type BuiltInTextConfig } from "@clip-ts/text-encoder";
import { isVit } from "@clip-ts/vision-encoder";
import { robertaTowers } from "../presets/towers.ts";
import { givenActivations, type InferOptions } from "./infer-options.ts";
import type { InferredClip, InferredVision } from "./infer-vision.ts";
import { refuseGuess, type Missing } from "./missing.ts";
import { headsOfTower, widthOfHeads } from "./tower-heads.ts";

/** Ids of CLIP's own vocabulary, whose last one ends a caption. */
const clipVocabulary = 49_408;

/** The activation that every model of a vision tower's kind has; undefined where the kind leaves a choice. */
export function activationOfVision(vision: InferredVision): Activation | undefined {
  if (!isVit(vision)) return "relu";
  // torchvision's, and Hugging Face's plain one
  return vision.preNorm === false && vision.pooling !== "attention" ? "gelu" : undefined;
}

/** A vision tower with the heads and the activation that are given or that its kind always has. */
export function visionAsSaid(
  vision: InferredVision,
  options: InferOptions,
  missing: Set<Missing>,
): InferredVision {
  const heads = headsOfTower("vision", widthOfHeads(vision), options);
  const activation = activationOfVision(vision) ?? givenActivations(options).vision;
  if (heads === undefined) missing.add("heads");
  if (activation === undefined) missing.add("activation");
  const asSaid = { heads: heads ?? 1 };
  return isVit(vision)
    ? { ...vision, ...asSaid, activation: activation ?? vision.activation }
    : { ...vision, ...asSaid };
}

/** The published RoBERTa of just this size, of which heads and the norms' constant are known. */
function publishedRoberta(text: RobertaTextConfig): Omit<RobertaTextConfig, "pooling"> | undefined {
  const keys = ["width", "layers", "mlpWidth", "vocabSize"] as const;
  return Object.values(robertaTowers).find((known) =>
    keys.every((key) => known[key] === text[key]),
  );
}

/** The same of a text tower. A RoBERTa of published sizes has its published heads. */
export function textAsSaid(
  text: BuiltInTextConfig,
  options: InferOptions,
  missing: Set<Missing>,
): BuiltInTextConfig {
  const known = text.kind === "roberta" ? publishedRoberta(text) : undefined;
  const heads = headsOfTower("text", text.width, options) ?? known?.heads;
  const activation =
    (text.kind === "roberta" ? "gelu" : undefined) ?? givenActivations(options).text;
  if (heads === undefined) missing.add("heads");
  if (activation === undefined) missing.add("activation");
  return { ...text, heads: heads ?? 1, activation: activation ?? text.activation };
}

/** What of the captions no option can say. */
function missingOfCaptions({ text, vision }: InferredClip): Missing | undefined {
  if (text.kind === "roberta") {
    if (text.pooling !== "pooler") return "pooling";
    return publishedRoberta(text) === undefined ? "norms" : undefined;
  }
  if (text.kind === "siglip") return undefined;
  const isSiglip = isVit(vision) && vision.pooling === "attention";
  return text.vocabSize === clipVocabulary && !isSiglip ? undefined : "captions";
}

/** What a tower of CLIP's has by default, which nothing in the weights confirms. */
function assumptionsOf({ vision, text }: InferredClip): string[] {
  const takesClass = isVit(vision) && (vision.pooling ?? "class") === "class";
  const isCausal = textKind(text) === "clip";
  return [
    ...(takesClass ? ["the class token for the image"] : []),
    ...(isCausal ? ["a causal mask", `id ${text.endTokenId} for the end of a caption`] : []),
  ];
}

/**
 * A model of unpublished sizes, completed by what the options say; the rest is as in CLIP, and said.
 * @throws ClipError "bad-config" with `data.missing` where that does not do.
 */
export function fillAsSaid(sketch: InferredClip, options: InferOptions): InferredClip {
  const missing = new Set<Missing>();
  const vision = visionAsSaid(sketch.vision, options, missing);
  const text = textAsSaid(sketch.text, options, missing);
  const captions = missingOfCaptions(sketch);
  const { isOpenai = false } = options;
  if (captions !== undefined && !isOpenai) missing.add(captions);
  if (missing.size > 0) refuseGuess([...missing]);
  const config = { ...sketch, vision, text };
  const assumed = isOpenai ? [] : assumptionsOf(config);
  if (assumed.length > 0) options.onAssume?.(`took ${assumed.join(", ")}, as in CLIP`);
  return config;
}
