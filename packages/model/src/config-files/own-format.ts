import type { HeadKind } from "@clip-ts/projection";
import type { TextConfig } from "@clip-ts/text-encoder";
import type { TransformerConfig } from "@clip-ts/transformer";
import type { VisionConfig } from "@clip-ts/vision-encoder";
import type { ClipConfig } from "../config.ts";
import type { Json, Section } from "./section.ts";
import { parseLoss } from "./training-keys.ts";

/** Model type of a file that holds a config as it is, for what no other library computes. */
export const ownModelType = "clip-ts";

const heads: readonly HeadKind[] = ["linear", "affine", "mlp", "none"];

/** Options that may be left out: kept if they are there, of the right type. */
function optional(
  section: Section,
  readers: Readonly<Record<string, (key: string) => unknown>>,
): Json {
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
    layers: section.positive("layers"),
    mlpWidth: section.positive("mlpWidth"),
    activation: section.activation("activation"),
    layerNormEps: section.number("layerNormEps"),
    ...optional(section, { layerScale: (key) => section.number(key) }),
  };
}

function parseResNetLayers(section: Section): readonly [number, number, number, number] {
  const layers = section.json["layers"];
  const isPositive = (value: unknown): boolean => Number.isInteger(value) && (value as number) > 0;
  if (!Array.isArray(layers) || layers.length !== 4 || !layers.every(isPositive)) {
    return section.refuse("layers", "four positive whole numbers");
  }
  return layers as unknown as readonly [number, number, number, number];
}

function parseVision(section: Section): VisionConfig {
  const image = {
    imageSize: section.positive("imageSize"),
    channels: section.positive("channels"),
  };
  if (section.choice("kind", ["vit", "resnet"], "vit") === "resnet") {
    return {
      kind: "resnet",
      ...image,
      layers: parseResNetLayers(section),
      width: section.positive("width"),
      heads: section.positive("heads"),
      outputDim: section.positive("outputDim"),
    };
  }
  const flag = (key: string): boolean => section.flag(key, false);
  return {
    ...parseStack(section),
    ...image,
    patchSize: section.positive("patchSize"),
    ...optional(section, {
      kind: () => "vit",
      classToken: flag,
      preNorm: flag,
      patchBias: flag,
      pooling: (key) => section.choice(key, ["class", "pooler", "mean", "attention"]),
      positions: (key) => section.choice(key, ["learned", "sincos"]),
      patchDropout: (key) => section.number(key),
    }),
  };
}

function parseText(section: Section): TextConfig {
  const kind = section.choice("kind", ["clip", "roberta", "siglip"], "clip");
  const shared = {
    ...parseStack(section),
    vocabSize: section.positive("vocabSize"),
    contextLength: section.positive("contextLength"),
    endTokenId: section.count("endTokenId"),
    padTokenId: section.count("padTokenId"),
  };
  if (kind === "siglip") return { kind, ...shared, headWidth: section.positive("headWidth") };
  const startTokenId = section.count("startTokenId");
  if (kind === "clip") {
    const options = optional(section, {
      kind: () => kind,
      causal: (key) => section.flag(key, true),
      pooling: (key) => section.choice(key, ["end", "last"]),
    });
    return { ...shared, startTokenId, ...options };
  }
  const pooling = section.choice("pooling", ["first", "mean", "max", "pooler"]);
  const number = (key: string): number => section.number(key);
  const dropout = optional(section, { hiddenDropout: number, attentionDropout: number });
  const tokenTypes = section.positive("tokenTypes");
  return { kind, ...shared, startTokenId, tokenTypes, pooling, ...dropout };
}

/** Keys in which our names are not spelled; libraries that pass a file on may add some. */
const isForeign = (key: string): boolean => /_|^architectures$|^dtype$/u.test(key);

/**
 * Reads a config of ours. People write them too, so a key that nothing reads is refused.
 * @throws ClipError "bad-config" naming the key, what it should be and what it is.
 */
export function parseOwnConfig(root: Section): ClipConfig {
  const [visionPart, textPart] = [root.section("vision"), root.section("text")];
  const config: ClipConfig = {
    vision: parseVision(visionPart),
    text: parseText(textPart),
    projectionDim: root.positive("projectionDim"),
    initialLogitScale: root.number("initialLogitScale"),
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

/** Writes a config as it is. */
export function formatOwnConfig(config: ClipConfig): Json {
  return { model_type: ownModelType, ...config };
}
