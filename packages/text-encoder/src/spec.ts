import type { RandomStream } from "@clip-ts/base";
import type { ParamSpec } from "@clip-ts/core";
import type { TextConfig } from "./config.ts";
import type { TextDropout } from "./roberta-dropout.ts";
import type { TextParams } from "./text-tower.ts";
import { textTower } from "./towers.ts";

/** Shapes and starting values of the tower that the config asks for. */
export function textSpec(config: TextConfig): TextParams<ParamSpec> {
  return textTower(config).spec(config);
}

/** Length of a caption's pooled feature. */
export function textFeatureWidth(config: TextConfig): number {
  return textTower(config).width(config);
}

/**
 * Draws what one training step keeps of activations and attention weights (Srivastava et al. 2014), for
 * `TextOptions.keptHidden` and `keptAttention`; nothing for towers and configs without dropout.
 */
export function drawTextDropout(
  config: TextConfig,
  size: { readonly batch: number; readonly tokens: number },
  random: RandomStream,
): TextDropout {
  return textTower(config).draws(config, size, random);
}
