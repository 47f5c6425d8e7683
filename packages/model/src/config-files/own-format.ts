import type { HeadKind } from "@clip-ts/projection";
import { isOwnText, type CaptionConfig, type TextConfig } from "@clip-ts/text-encoder";
import type { TransformerConfig } from "@clip-ts/transformer";
import {
  isOwnVision,
  type ImageConfig,
  type NaflexConfig,
  type QueryPoolConfig,
  type ResNetConfig,
  type VisionConfig,
  type VisionConfigOf,
  type VisionKind,
  type VitConfig,
} from "@clip-ts/vision-encoder";
import { parseLoss, type ClipConfig } from "../config.ts";
import { isLanguageKind, languageKinds, parseLanguageTower } from "./own-format-text.ts";
import { parseOwnEfficientNet, parseOwnSwin } from "./own-format-vision.ts";
import { formatOwnTower, parseOwnText, parseOwnVision, type ParseOptions } from "./own-towers.ts";
import type { Json, Section } from "./section.ts";

/** What a vision transformer is given: images of any two sides. */
type VitImage = Pick<VitConfig, "imageSize" | "channels">;

/** Model type of a file that holds a config as it is, for what no other library computes. */
export const ownModelType = "clip-ts";

const heads: readonly HeadKind[] = ["linear", "affine", "mlp", "none"];

/** Options that may be left out: kept if they are there, of the right type. */
function optional(section: Section, readers: Readonly<Record<string, (key: string) => unknown>>): Json {
  const kept = Object.entries(readers).filter(([key]) => section.has(key));
  return Object.fromEntries(kept.map(([key, read]) => [key, read(key)]));
}

const blockFlags = ["queryKeyNorm", "headScale", "innerNorm", "attentionNorm", "mlpNorm"] as const;

/** A stack whose heads share the width, or have a length of their own. */
function parseStack(section: Section, isShared = true): TransformerConfig {
  const width = section.positive("width");
  if (isShared && width % section.positive("heads") !== 0) {
    section.refuse("heads", `a divisor of the width ${width}`);
  }
  return {
    width,
    heads: section.positive("heads"),
    layers: section.layers("layers"),
    mlpWidth: section.positive("mlpWidth"),
    activation: section.activation("activation"),
    layerNormEps: section.epsilon("layerNormEps"),
    ...optional(section, {
      layerScale: (key) => section.number(key),
      norms: (key) => section.choice(key, ["affine", "gain", "plain"]),
      ...Object.fromEntries(blockFlags.map((name) => [name, (key: string) => section.flag(key, false)])),
    }),
  };
}

function parseQueryPool(section: Section): QueryPoolConfig {
  const pool: QueryPoolConfig = {
    kind: section.choice("kind", ["first", "mean", "parallel", "cascade"]),
    width: section.positive("width"),
    queries: section.positive("queries"),
    heads: section.positive("heads"),
  };
  section.onlyKeys(Object.keys(pool));
  return pool;
}

function parseVit(section: Section, image: VitImage): VitConfig {
  const flag = (key: string): boolean => section.flag(key, false);
  return {
    ...parseStack(section),
    ...image,
    patchSize: section.size("patchSize"),
    ...optional(section, {
      kind: () => "vit",
      classToken: flag,
      preNorm: flag,
      patchBias: flag,
      normAfterPool: flag,
      queryPool: (key) => parseQueryPool(section.section(key)),
      pooling: (key) => section.choice(key, ["class", "pooler", "mean", "attention", "queries"]),
      positions: (key) => section.choice(key, ["learned", "sincos"]),
      patchDropout: (key) => section.share(key),
      distillationToken: flag,
      gated: flag,
      registerTokens: (key) => section.positive(key),
      positionGrid: (key) => section.side(key),
      initialDeviation: (key) => section.number(key),
    }),
  };
}

const parseResNet = (section: Section, image: ImageConfig): ResNetConfig => ({
  kind: "resnet",
  ...image,
  layers: section.stages("layers"),
  width: section.positive("width"),
  heads: section.positive("heads"),
  outputDim: section.positive("outputDim"),
});

const parseNaflex = (section: Section, image: ImageConfig): NaflexConfig => ({
  kind: "naflex",
  ...parseStack(section),
  ...image,
  patchSize: section.side("patchSize"),
});

/** How files say what there is to say of each other kind of vision tower, whose images are squares. */
const visionReaders: {
  readonly [Kind in Exclude<VisionKind, "vit">]: (section: Section, image: ImageConfig) => VisionConfigOf<Kind>;
} = { resnet: parseResNet, swin: parseOwnSwin, efficientnet: parseOwnEfficientNet, naflex: parseNaflex };

function parseVision(section: Section, options: ParseOptions): VisionConfig {
  const builtIn: VisionKind[] = ["vit", ...(Object.keys(visionReaders) as VisionKind[])];
  const kind = section.choice<VisionKind | "own">("kind", [...builtIn, "own"], "vit");
  const channels = section.positive("channels");
  if (kind === "vit") return parseVit(section, { imageSize: section.size("imageSize"), channels });
  const image: ImageConfig = { imageSize: section.side("imageSize"), channels };
  return kind === "own" ? parseOwnVision(section, image, options) : visionReaders[kind](section, image);
}

function parseCaptions(section: Section): CaptionConfig {
  const vocabSize = section.vocabulary("vocabSize");
  return {
    vocabSize,
    contextLength: section.tokens("contextLength"),
    endTokenId: section.tokenId("endTokenId", vocabSize),
    padTokenId: section.tokenId("padTokenId", vocabSize),
  };
}

function parseText(section: Section, options: ParseOptions): TextConfig {
  const kind = section.choice("kind", ["clip", "roberta", "siglip", "own", ...languageKinds], "clip");
  if (kind === "own") return parseOwnText(section, parseCaptions(section), options);
  if (kind !== "clip" && kind !== "siglip") section.without("layerScale", "only CLIP's and SigLIP's blocks have it");
  const shared = { ...parseStack(section, kind !== "mt5"), ...parseCaptions(section) };
  const { vocabSize } = shared;
  if (isLanguageKind(kind)) return parseLanguageTower(kind, section, shared);
  if (kind === "siglip") return { kind, ...shared, headWidth: section.positive("headWidth") };
  const startTokenId = section.tokenId("startTokenId", vocabSize);
  if (kind === "clip") {
    const options = optional(section, {
      kind: () => kind,
      causal: (key) => section.flag(key, true),
      pooling: (key) => section.choice(key, ["end", "last", "first"]),
    });
    return { ...shared, startTokenId, ...options };
  }
  const pooling = section.choice("pooling", ["first", "mean", "max", "pooler"]);
  const share = (key: string): number => section.share(key);
  const dropout = optional(section, { hiddenDropout: share, attentionDropout: share });
  const tokenTypes = section.positive("tokenTypes");
  return { kind, ...shared, startTokenId, tokenTypes, pooling, ...dropout };
}

/** Keys in which our names are not spelled; libraries that pass a file on may add some. */
const isForeign = (key: string): boolean => /_|^architectures$|^dtype$/u.test(key);

/**
 * Reads a config of ours. People write them too, so a key that nothing reads is refused.
 * @throws ClipError "bad-config" naming the key, what it should be and what it is.
 */
export function parseOwnConfig(root: Section, options: ParseOptions = {}): ClipConfig {
  const [visionPart, textPart] = [root.section("vision"), root.section("text")];
  const config: ClipConfig = {
    vision: parseVision(visionPart, options),
    text: parseText(textPart, options),
    projectionDim: root.positive("projectionDim"),
    initialLogitScale: root.logScale("initialLogitScale"),
    ...optional(root, {
      initialLogitBias: (key) => root.number(key),
      loss: (key) => parseLoss(root.section(key)),
      imageHead: (key) => root.choice(key, heads),
      textHead: (key) => root.choice(key, heads),
    }),
  };
  visionPart.onlyKeys(Object.keys(config.vision));
  textPart.onlyKeys(Object.keys(config.text));
  root.onlyKeys([...Object.keys(config), ...Object.keys(root.json).filter(isForeign)]);
  return config;
}

/** Writes a config as it is, but for the functions of towers of one's own. */
export function formatOwnConfig(config: ClipConfig): Json {
  const { vision, text } = config;
  return {
    model_type: ownModelType,
    ...config,
    vision: isOwnVision(vision) ? formatOwnTower(vision) : vision,
    text: isOwnText(text) ? formatOwnTower(text) : text,
  };
}
