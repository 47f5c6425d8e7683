import type { HeadKind } from "@clip-ts/projection";
import { isOwnText, type CaptionConfig, type TextConfig } from "@clip-ts/text-encoder";
import type { TransformerConfig } from "@clip-ts/transformer";
import {
  isOwnVision,
  type ImageConfig,
  type ResNetConfig,
  type VisionConfig,
  type VisionConfigOf,
  type VisionKind,
  type VitConfig,
} from "@clip-ts/vision-encoder";
import { parseLoss, type ClipConfig } from "../config.ts";
import { formatOwnTower, parseOwnText, parseOwnVision, type ParseOptions } from "./own-towers.ts";
import type { Json, Section } from "./section.ts";

/** Model type of a file that holds a config as it is, for what no other library computes. */
export const ownModelType = "clip-ts";

const heads: readonly HeadKind[] = ["linear", "affine", "mlp", "none"];

/** Options that may be left out: kept if they are there, of the right type. */
function optional(section: Section, readers: Readonly<Record<string, (key: string) => unknown>>): Json {
  const kept = Object.entries(readers).filter(([key]) => section.has(key));
  return Object.fromEntries(kept.map(([key, read]) => [key, read(key)]));
}

function parseStack(section: Section): TransformerConfig {
  const width = section.positive("width");
  if (width % section.positive("heads") !== 0) {
    section.refuse("heads", `a divisor of the width ${width}`);
  }
  return {
    width,
    heads: section.positive("heads"),
    layers: section.layers("layers"),
    mlpWidth: section.positive("mlpWidth"),
    activation: section.activation("activation"),
    layerNormEps: section.epsilon("layerNormEps"),
    ...optional(section, { layerScale: (key) => section.number(key) }),
  };
}

function parseVit(section: Section, image: ImageConfig): VitConfig {
  const flag = (key: string): boolean => section.flag(key, false);
  return {
    ...parseStack(section),
    ...image,
    patchSize: section.side("patchSize"),
    ...optional(section, {
      kind: () => "vit",
      classToken: flag,
      preNorm: flag,
      patchBias: flag,
      pooling: (key) => section.choice(key, ["class", "pooler", "mean", "attention"]),
      positions: (key) => section.choice(key, ["learned", "sincos"]),
      patchDropout: (key) => section.share(key),
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

/** How files say what there is to say of each kind of vision tower. */
const visionReaders: {
  readonly [Kind in VisionKind]: (section: Section, image: ImageConfig) => VisionConfigOf<Kind>;
} = { vit: parseVit, resnet: parseResNet };

function parseVision(section: Section, options: ParseOptions): VisionConfig {
  const image = { imageSize: section.side("imageSize"), channels: section.positive("channels") };
  const builtIn = Object.keys(visionReaders) as VisionKind[];
  const kind = section.choice<VisionKind | "own">("kind", [...builtIn, "own"], "vit");
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
  const kind = section.choice("kind", ["clip", "roberta", "siglip", "own"], "clip");
  if (kind === "own") return parseOwnText(section, parseCaptions(section), options);
  const shared = { ...parseStack(section), ...parseCaptions(section) };
  const { vocabSize } = shared;
  if (kind === "siglip") return { kind, ...shared, headWidth: section.positive("headWidth") };
  const startTokenId = section.tokenId("startTokenId", vocabSize);
  if (kind === "clip") {
    const options = optional(section, {
      kind: () => kind,
      causal: (key) => section.flag(key, true),
      pooling: (key) => section.choice(key, ["end", "last"]),
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
