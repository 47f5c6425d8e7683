import type { Activation } from "@clip-ts/core";
import type { TransformerConfig } from "@clip-ts/transformer";
import type { VitConfig } from "@clip-ts/vision-encoder";
import type { Json, Section } from "./section.ts";

/** What a model family's `config.json` leaves out because it is the family's default. */
export interface TransformerDefaults {
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly activation: Activation;
  readonly layerNormEps: number;
}

/** Reads a stack of blocks under Hugging Face's keys. */
export function parseTransformer(
  section: Section,
  defaults: TransformerDefaults,
): TransformerConfig {
  const width = section.positive("hidden_size", defaults.width);
  const heads = section.positive("num_attention_heads", defaults.heads);
  if (width % heads !== 0) {
    section.refuse("num_attention_heads", `a divisor of hidden_size ${width}`);
  }
  return {
    width,
    heads,
    layers: section.layers("num_hidden_layers", defaults.layers),
    mlpWidth: section.positive("intermediate_size", 4 * defaults.width),
    activation: section.activation("hidden_act", defaults.activation),
    layerNormEps: section.epsilon("layer_norm_eps", defaults.layerNormEps),
  };
}

/** The same keys, written. */
export function formatTransformer(config: TransformerConfig): Json {
  return {
    hidden_size: config.width,
    intermediate_size: config.mlpWidth,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    hidden_act: config.activation,
    layer_norm_eps: config.layerNormEps,
    attention_dropout: 0,
  };
}

/**
 * Reads a vision transformer's blocks and sizes. `patch_dropout` is a key of ours, named as in
 * open_clip: other libraries carry it along, and without training it changes nothing.
 */
export function parseVit(
  section: Section,
  defaults: TransformerDefaults & { readonly patchSize: number },
): VitConfig {
  return {
    ...parseTransformer(section, defaults),
    imageSize: section.side("image_size", 224),
    patchSize: section.side("patch_size", defaults.patchSize),
    channels: section.positive("num_channels", 3),
    ...(section.has("patch_dropout") && { patchDropout: section.share("patch_dropout") }),
  };
}

/** The same keys, written. */
export function formatVit(vision: VitConfig): Json {
  return {
    ...formatTransformer(vision),
    image_size: vision.imageSize,
    patch_size: vision.patchSize,
    num_channels: vision.channels,
    ...(vision.patchDropout !== undefined && { patch_dropout: vision.patchDropout }),
  };
}

/** Whether a vision transformer is CLIP's own, without any option. */
export function isClipVit(vision: VitConfig): boolean {
  return (
    vision.classToken !== false &&
    vision.preNorm !== false &&
    vision.patchBias !== true &&
    (vision.pooling ?? "class") === "class" &&
    (vision.positions ?? "learned") === "learned" &&
    vision.layerScale === undefined
  );
}
