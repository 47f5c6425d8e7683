import { graphSettingsKey } from "@clip-ts/base";

/** What the towers' graphs do not say. */
export interface GraphSettings {
  /** Logarithm of the factor on cosines. */
  readonly logit_scale?: number;
  readonly logit_bias?: number;
  /** The model's own config, where the file is written as if the model were of another type. */
  readonly config?: unknown;
}

/** A model's own config, where it is written beside one for @huggingface/transformers; else the file as it is. */
export function ownConfigIn(json: unknown): unknown {
  const { [graphSettingsKey]: settings } = (json ?? {}) as { readonly [graphSettingsKey]?: GraphSettings };
  return settings?.config ?? json;
}
