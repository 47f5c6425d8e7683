import type { CausalTextConfig, RobertaTextConfig } from "@clip-ts/text-encoder";
import { isVit, type BuiltInVisionConfig, type VisionConfig, type VitConfig } from "@clip-ts/vision-encoder";
import { clipVisionDefaults, parseClipText, parseVit } from "./hugging-face-clip.ts";
import { parseRoberta } from "./hugging-face-dual-encoder.ts";
import { assertTorchvision } from "./other-libraries.ts";
import { Section, type Json } from "./section.ts";

/** One tower by itself. RoBERTa's first token is pooled unless the weights say otherwise. */
export type TowerConfig =
  | { readonly side: "vision"; readonly config: BuiltInVisionConfig }
  | { readonly side: "text"; readonly config: RobertaTextConfig | CausalTextConfig };

/** What every `VisionTransformer` of torchvision's has in common. */
const torchvisionStyle = {
  activation: "gelu",
  layerNormEps: 1e-6,
  channels: 3,
  preNorm: false,
  patchBias: true,
} as const;

/** The arguments of torchvision's `VisionTransformer`, by which its configs are known. */
const torchvisionKeys = ["hidden_dim", "mlp_dim", "num_heads"];

function parseTorchvision(root: Section): VitConfig {
  const width = root.positive("hidden_dim");
  const heads = root.positive("num_heads");
  if (width % heads !== 0) root.refuse("num_heads", `a divisor of hidden_dim ${width}`);
  return {
    ...torchvisionStyle,
    width,
    heads,
    layers: root.layers("num_layers"),
    mlpWidth: root.positive("mlp_dim"),
    imageSize: root.side("image_size"),
    patchSize: root.side("patch_size"),
  };
}

/**
 * Understands the `config.json` of one tower alone: Hugging Face's of type "roberta", "xlm-roberta" or
 * "clip_vision_model" or "clip_text_model", or the arguments of torchvision's `VisionTransformer` under their own names.
 * @returns undefined for any other.
 * @throws ClipError "bad-config" naming the key, what it should be and what it is.
 */
export function parseTowerConfig(json: unknown): TowerConfig | undefined {
  const root = new Section(json);
  switch (root.json["model_type"]) {
    case "roberta":
    case "xlm-roberta":
      return { side: "text", config: parseRoberta(root, "first") };
    case "clip_text_model":
      return { side: "text", config: parseClipText(root) };
    case "clip_vision_model":
      return { side: "vision", config: parseVit(root, clipVisionDefaults) };
    case undefined:
      if (!torchvisionKeys.every((key) => root.has(key))) return undefined;
      return { side: "vision", config: parseTorchvision(root) };
    default:
      return undefined;
  }
}

/**
 * The arguments with which torchvision's `VisionTransformer` builds a vision tower; its published files
 * come without any.
 * @throws ClipError "unsupported" if it cannot.
 */
export function formatTorchvisionConfig(config: { readonly vision: VisionConfig }): Json {
  assertTorchvision(config);
  const { vision } = config;
  if (!isVit(vision)) return {}; // refused above
  return {
    image_size: vision.imageSize,
    patch_size: vision.patchSize,
    num_layers: vision.layers,
    num_heads: vision.heads,
    hidden_dim: vision.width,
    mlp_dim: vision.mlpWidth,
  };
}
