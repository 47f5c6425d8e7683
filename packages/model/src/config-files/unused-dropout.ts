import type { ClipConfig } from "../config.ts";

/** A setting of a config file that no step of training heeds. */
export interface UnusedSetting {
  /** With the sections that it is in: "vision_config.drop_path_rate". */
  readonly key: string;
  readonly value: number;
}

/**
 * What transformers, timm and open_clip call shares of activations, attention weights, whole blocks (stochastic depth;
 * Huang et al. 2016, arXiv:1603.09382) and layers that training drops.
 */
const shares: ReadonlySet<string> = new Set([
  "activation_dropout",
  "attention_dropout",
  "attention_probs_dropout_prob",
  "drop_connect_rate",
  "drop_path_rate",
  "dropout",
  "dropout_rate",
  "encoder_layerdrop",
  "hidden_dropout",
  "hidden_dropout_prob",
  "timm_drop",
  "timm_drop_path",
]);

const texts: ReadonlySet<string> = new Set(["text", "text_config", "text_cfg"]);

/** Whether a model's text tower heeds such a key. */
function textDrops(key: string, { text }: ClipConfig): boolean {
  if (key === "hidden_dropout_prob") return "hiddenDropout" in text;
  return key === "attention_probs_dropout_prob" && "attentionDropout" in text;
}

/**
 * The dropout and stochastic depth that a config file of Hugging Face's or open_clip's names and training does not
 * apply: in all towers but BERT, RoBERTa and AltCLIP's, whose `hidden_dropout_prob` and `attention_probs_dropout_prob`
 * count. `trained` is the model that is trained; `isText` says that the file is of a text tower alone. Shares of 0 are
 * no dropout.
 */
export function unusedDropout(
  json: unknown,
  trained: ClipConfig,
  { isText = false }: { readonly isText?: boolean } = {},
): UnusedSetting[] {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return [];
  return Object.entries(json as Readonly<Record<string, unknown>>).flatMap(([name, value]) => {
    if (typeof value === "object") {
      const inner = unusedDropout(value, trained, { isText: isText || texts.has(name) });
      return inner.map((setting) => ({ ...setting, key: `${name}.${setting.key}` }));
    }
    const isShare = shares.has(name) && typeof value === "number" && value > 0;
    const isHeeded = isText && textDrops(name, trained);
    return isShare && !isHeeded ? [{ key: name, value }] : [];
  });
}
