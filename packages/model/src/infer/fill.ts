import { shownSize, sizeOf } from "@clip-ts/base";
import type { Activation } from "@clip-ts/core";
import { textKind, type BuiltInTextConfig, type CausalTextConfig, type RobertaTextConfig } from "@clip-ts/text-encoder";
import { isVit, patchGrid, visionTower, withImageSize, type VitConfig } from "@clip-ts/vision-encoder";
import { headsOf } from "../config.ts";
import { publishedModels, type PublishedModel } from "../presets/open-clip-models.ts";
import { robertaTowers } from "../presets/towers.ts";
import {
  givenActivations,
  headsOfTower,
  refuseGuess,
  widthOfHeads,
  type InferOptions,
  type Missing,
} from "./shapes.ts";
import { isInferred, type InferredClip, type InferredVision } from "./towers.ts";

/** A published model whose shapes tell its kind. */
export interface InferredModel extends PublishedModel {
  readonly config: InferredClip;
}

/** Patches of the sides, or what stands for them in a ResNet. */
function gridOf(vision: InferredVision): string {
  return isVit(vision) ? shownSize(sizeOf(patchGrid(vision))) : shownSize(vision.imageSize / 32);
}

function vitKey(vision: VitConfig): readonly unknown[] {
  const { width, channels, layers, mlpWidth, patchSize, classToken, preNorm, patchBias } = vision;
  const style = [classToken ?? true, preNorm ?? true, patchBias ?? false];
  const isPooled = vision.pooling === "attention";
  const hasScale = vision.layerScale !== undefined;
  return [width, channels, layers, mlpWidth, patchSize, ...style, isPooled, hasScale];
}

function visionKey(vision: InferredVision): readonly unknown[] {
  if (isVit(vision)) return vitKey(vision);
  const { width, channels, layers } = vision;
  return ["resnet", width, channels, ...layers];
}

/** All that the shapes of a model tell, except the size of its images, as one word. */
function sizeKey(config: InferredClip): string {
  const { vision, text, projectionDim } = config;
  const { width, layers, mlpWidth, vocabSize, contextLength } = text;
  const caption = [text.kind ?? "clip", width, layers, mlpWidth, vocabSize, contextLength];
  const heads = headsOf(config);
  return [...visionKey(vision), ...caption, heads.image, heads.text, projectionDim].join(" ");
}

/**
 * open_clip's models of the size that shapes tell: those for as many patches, or of any, for a model that
 * was trained on at another resolution.
 */
export function publishedOfSize(sketch: InferredClip): readonly InferredModel[] {
  const key = sizeKey(sketch);
  const all = publishedModels()
    .flatMap(({ name, config }) => (isInferred(config) ? [{ name, config }] : []))
    .filter(({ config }) => sizeKey(config) === key);
  const alike = all.filter(({ config }) => gridOf(config.vision) === gridOf(sketch.vision));
  if (alike.length > 0) return alike;
  const { imageSize } = sketch.vision;
  return all.map(({ name, config }) => {
    return { name, config: { ...config, vision: withImageSize(config.vision, imageSize) } };
  });
}

function visionAsPublished(vision: InferredVision, options: InferOptions): InferredVision {
  const heads = headsOfTower("vision", widthOfHeads(vision), options) ?? vision.heads;
  if (!isVit(vision)) return { ...vision, heads };
  const given = activationOfVision(vision) ?? givenActivations(options).vision;
  const isByTanh = vision.pooling === "attention" && options.isOpenClip !== true;
  const activation = given ?? (isByTanh ? "gelu_pytorch_tanh" : vision.activation);
  return { ...vision, heads, activation };
}

function textAsPublished(text: BuiltInTextConfig, options: InferOptions): BuiltInTextConfig {
  const heads = headsOfTower("text", text.width, options) ?? text.heads;
  if (ownActivation(text) !== undefined) return { ...text, heads };
  const isByTanh = text.kind === "siglip" && options.isOpenClip !== true;
  const published = isByTanh ? "gelu_pytorch_tanh" : text.activation;
  const activation = givenActivations(options).text ?? published;
  return { ...text, heads, activation };
}

/** Whether some of the configs differ in what is picked of them. */
function differ(configs: readonly InferredClip[], pick: (config: InferredClip) => readonly unknown[]): boolean {
  return new Set(configs.map((config) => JSON.stringify(pick(config)))).size > 1;
}

const activationsOf = ({ vision, text }: InferredClip): readonly unknown[] => [
  visionTower(vision).activation(vision) ?? "relu",
  text.activation,
];

/** What stands for a caption, in words. */
function endOf({ pooling, endTokenId, causal }: CausalTextConfig): string {
  if (pooling === "last") return `${causal === false ? "captions read both ways, " : ""}their last token`;
  return `id ${endTokenId} for the end of a caption`;
}

function describe({ vision, text }: InferredClip): string {
  const parts = [`${vision.heads} and ${text.heads} attention heads`, text.activation];
  const ofVision = visionTower(vision).activation(vision) ?? text.activation;
  if (ofVision !== text.activation) parts[1] = `${ofVision} and ${text.activation}`;
  if (text.kind === "roberta") parts.push(`RoBERTa's ${text.pooling} pooling`);
  if (isVit(vision) && vision.pooling === "mean") parts.push("the mean of the patches for the image");
  if (textKind(text) === "clip") parts.push(endOf(text as CausalTextConfig));
  return parts.join(", ");
}

/** What published models of the same sizes do not agree on, or what of the file they do not have. */
function missingOf(sketch: InferredClip, completed: readonly InferredClip[]): Missing[] {
  const hasPooler = sketch.text.kind === "roberta" && sketch.text.pooling === "pooler";
  const found: readonly (readonly [Missing, boolean])[] = [
    ["pooling", hasPooler],
    ["activation", differ(completed, activationsOf)],
    ["image size", differ(completed, ({ vision }) => [vision.imageSize])],
  ];
  return found.flatMap(([what, isMissing]) => (isMissing ? [what] : []));
}

/** The name of the model that a completed config is like. */
function nameOf(config: InferredClip, published: readonly InferredModel[]): string | undefined {
  const isSame = (known: InferredModel): boolean => !differ([known.config, config], activationsOf);
  return (published.find(isSame) ?? published[0])?.name;
}

/**
 * A model of published sizes, completed as published; what the options say goes first.
 * @throws ClipError "bad-config" with `data.missing` where published models of these sizes differ.
 */
export function fillAsPublished(
  sketch: InferredClip,
  published: readonly InferredModel[],
  options: InferOptions,
): InferredClip {
  const completed = published.map(({ config }) => ({
    ...sketch,
    vision: visionAsPublished(config.vision, options),
    text: textAsPublished(config.text, options),
  }));
  const missing = missingOf(sketch, completed);
  const [config] = completed;
  if (missing.length > 0 || config === undefined) {
    const names = published.map(({ name }) => name);
    return refuseGuess(missing, names);
  }
  if (options.isOpenai !== true) {
    options.onAssume?.(`took ${describe(config)}, as in ${nameOf(config, published)}`);
  }
  return config;
}

/** Ids of CLIP's own vocabulary, whose last one ends a caption. */
const clipVocabulary = 49_408;

/** The activation that every model of a vision tower's kind has; undefined where the kind leaves a choice. */
function activationOfVision(vision: InferredVision): Activation | undefined {
  if (!isVit(vision)) return "relu";
  // torchvision's, and Hugging Face's plain one
  return vision.preNorm === false && vision.pooling !== "attention" ? "gelu" : undefined;
}

/** A vision tower with the heads and the activation that are given or that its kind always has. */
export function visionAsSaid(vision: InferredVision, options: InferOptions, missing: Set<Missing>): InferredVision {
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
  return Object.values(robertaTowers).find((known) => keys.every((key) => known[key] === text[key]));
}

/** The activation of a text tower that was made for language, whose kind has one. */
const ownActivation = ({ kind = "clip", activation }: BuiltInTextConfig): Activation | undefined =>
  kind === "clip" || kind === "siglip" ? undefined : activation;

/** The same of a text tower. A RoBERTa of published sizes has its published heads. */
export function textAsSaid(text: BuiltInTextConfig, options: InferOptions, missing: Set<Missing>): BuiltInTextConfig {
  const known = text.kind === "roberta" ? publishedRoberta(text) : undefined;
  const heads = headsOfTower("text", text.width, options) ?? (text.kind === "mt5" ? text.heads : known?.heads);
  const activation = ownActivation(text) ?? givenActivations(options).text;
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
  if (text.kind === "siglip" || text.kind === "altclip") return undefined;
  if (textKind(text) !== "clip") return "pooling";
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
