import {
  isOwnText,
  textTower,
  type CausalTextConfig,
  type RobertaTextConfig,
} from "@clip-ts/text-encoder";
import { isVit, visionTower } from "@clip-ts/vision-encoder";
import { headsOf, type ClipConfig } from "../config.ts";
import { hasOldEndToken } from "./hugging-face-clip.ts";
import { isPlainVit } from "./hugging-face-dual-encoder.ts";
import { isClipVit } from "./hugging-face-transformer.ts";
import { formatClipConfig } from "./hugging-face.ts";
import { ownModelType } from "./own-format.ts";

const pooler = "a pooler: a dense layer and tanh";

/** Why a model with RoBERTa is no `VisionTextDualEncoderModel`. */
function dualEncoderReason({ vision }: ClipConfig, text: RobertaTextConfig): string | undefined {
  const dual = "VisionTextDualEncoderModel";
  if (text.pooling !== "pooler") {
    return `its RoBERTa pools by "${text.pooling}", where ${dual} puts ${pooler}`;
  }
  if (!isVit(vision) || isClipVit(vision) || isPlainVit(vision)) return undefined;
  const { pooling = "class" } = vision;
  if (pooling === "pooler") return undefined;
  return `its vision transformer pools by "${pooling}", where ${dual} takes CLIP's or puts ${pooler}`;
}

/**
 * Why a model is saved in clip-ts's own format and no model class of transformers loads it; undefined if
 * one does.
 */
export function ownFormatReason(config: ClipConfig): string | undefined {
  if (formatClipConfig(config)["model_type"] !== ownModelType) return undefined;
  const { vision, text } = config;
  const heads = headsOf(config);
  if (!isVit(vision)) return `it has ${visionTower(vision).title}, which transformers has not`;
  if (isOwnText(text)) return `it has ${textTower(text).title}, which transformers has not`;
  const head = [heads.image, heads.text].find((kind) => kind === "mlp" || kind === "affine");
  if (head !== undefined) return `one of its heads is "${head}", in transformers they are linear`;
  if ((text.kind ?? "clip") === "clip" && hasOldEndToken(text as CausalTextConfig)) {
    return "its captions end with id 2, which transformers takes for the vocabulary's last";
  }
  const reason = text.kind === "roberta" ? dualEncoderReason(config, text) : undefined;
  return reason ?? "no model of transformers has its options";
}
