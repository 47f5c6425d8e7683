import { ClipError, shown, type RandomStream } from "@clip-ts/base";
import { assertShape, axisLength, ownTowerOf, refuseOwnTower, type ParamSpec } from "@clip-ts/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { causalTextSpec, encodeCausal, type CausalTextParams } from "./causal-tower.ts";
import { altClipTextSpec, encodeAltClip, type AltClipTextParams } from "./altclip-tower.ts";
import type {
  AltClipTextConfig,
  BertTextConfig,
  BuiltInTextConfig,
  CausalTextConfig,
  EncodedText,
  M2m100TextConfig,
  Mt5TextConfig,
  OwnTextConfig,
  RobertaTextConfig,
  SiglipTextConfig,
  TextConfig,
  TextOptions,
  TextParams,
  TextTower,
} from "./config.ts";
import { drawDropout, type TextDropout } from "./dropout.ts";
import { encodeM2m100, m2m100TextSpec, type M2m100TextParams } from "./m2m100-tower.ts";
import { encodeMt5, mt5TextSpec, type Mt5TextParams } from "./mt5-tower.ts";
import { encodeRoberta, robertaTextSpec, type RobertaTextParams } from "./roberta-tower.ts";
import { encodeSiglip, siglipTextSpec, type SiglipTextParams } from "./siglip-tower.ts";

/** What the built-in towers say in one way. */
const transformer = (name: string): Pick<TextTower<BuiltInTextConfig>, "title" | "depth" | "describe"> => ({
  title: name,
  depth: ({ layers }) => layers,
  describe: ({ layers, width, heads }) => `${name}, ${layers} layers, width ${width}, ${heads} heads`,
});

const clip: TextTower<CausalTextConfig, CausalTextParams> = {
  spec: causalTextSpec,
  encode: encodeCausal,
  width: ({ width }) => width,
  endsInJointSpace: false,
  readsMask: false,
  ...transformer("CLIP's transformer"),
  draws: () => ({}),
};

/** What BERT and RoBERTa have in common. */
const bertFamily = {
  spec: robertaTextSpec,
  encode: encodeRoberta,
  width: ({ width }: { readonly width: number }) => width,
  endsInJointSpace: false,
  readsMask: true,
  draws: drawDropout,
};

const bert: TextTower<BertTextConfig, RobertaTextParams> = { ...bertFamily, ...transformer("BERT") };

const roberta: TextTower<RobertaTextConfig, RobertaTextParams> = { ...bertFamily, ...transformer("RoBERTa") };

const altclip: TextTower<AltClipTextConfig, AltClipTextParams> = {
  ...bertFamily,
  spec: altClipTextSpec,
  encode: encodeAltClip,
  width: ({ headWidth }) => headWidth,
  ...transformer("AltCLIP's XLM-R"),
};

const m2m100: TextTower<M2m100TextConfig, M2m100TextParams> = {
  ...bertFamily,
  spec: m2m100TextSpec,
  encode: encodeM2m100,
  ...transformer("M2M-100's encoder"),
};

const mt5: TextTower<Mt5TextConfig, Mt5TextParams> = {
  ...bertFamily,
  spec: mt5TextSpec,
  encode: encodeMt5,
  ...transformer("mT5's encoder"),
  draws: () => ({}),
};

const siglip: TextTower<SiglipTextConfig, SiglipTextParams> = {
  spec: siglipTextSpec,
  encode: encodeSiglip,
  width: ({ headWidth }) => headWidth,
  endsInJointSpace: true,
  readsMask: false,
  ...transformer("SigLIP's transformer"),
  draws: () => ({}),
};

/** Names of the kinds of text towers that are built in. */
export type TextKind = NonNullable<BuiltInTextConfig["kind"]>;

/** The configs of one kind of text tower. */
export type TextConfigOf<Kind extends TextKind> = Extract<BuiltInTextConfig, { readonly kind?: Kind }>;

/** Every kind of text tower that is built in. */
export const textTowers: {
  readonly [Kind in TextKind]: TextTower<TextConfigOf<Kind>, never>;
} = { clip, bert, roberta, altclip, m2m100, mt5, siglip };

/** Whether somebody defined the tower elsewhere. */
export function isOwnText(config: TextConfig): config is OwnTextConfig {
  return config.kind === "own";
}

/**
 * The config of a built-in tower, for what `who` can do with no other.
 * @throws ClipError "unsupported" for a tower of one's own.
 */
export function builtInText(config: TextConfig, who: string): BuiltInTextConfig {
  return isOwnText(config) ? refuseOwnTower(config.tower, who) : config;
}

/** The kind of a config; one that says none is CLIP's. @throws ClipError "bad-config" for an unknown one. */
export function textKind(config: BuiltInTextConfig): TextKind;
export function textKind(config: TextConfig): TextKind | "own";
export function textKind({ kind = "clip" }: TextConfig): TextKind | "own" {
  if (kind === "own" || Object.hasOwn(textTowers, kind)) return kind;
  throw new ClipError(
    "bad-config",
    `There is no text tower of kind ${shown(kind)}: use one of ${Object.keys(textTowers).join(", ")}. ` +
      "One of your own is made with defineTextTower.",
    { data: { kind } },
  );
}

/** The tower that a config describes. @throws ClipError "bad-config" for a kind that does not exist. */
export function textTower(config: TextConfig): TextTower {
  return isOwnText(config) ? ownTowerOf(config.tower, "text") : textTowers[textKind(config)];
}

/** One answer for each kind of text tower. */
export type TextCases<Answer> = { [Kind in TextKind]: (config: TextConfigOf<Kind>) => Answer };

/**
 * The answer for the kind of this config.
 * @throws ClipError "unsupported" for a tower of one's own, which has none of these kinds.
 */
export function matchText<Answer>(config: TextConfig, cases: TextCases<Answer>): Answer {
  const known = builtInText(config, "What depends on a tower's kind");
  const answer = cases[textKind(known)] as (own: BuiltInTextConfig) => Answer;
  return answer(known);
}

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

function assertIds(ids: Tensor, { contextLength }: TextConfig): void {
  assertShape(ids, ["batch", "tokens"], "input ids");
  const tokens = axisLength(ids, 1);
  if (tokens <= contextLength) return;
  throw new ClipError(
    "bad-shape",
    `Captions of ${tokens} tokens do not fit a context of ${contextLength}: truncate them first.`,
    { data: { tokens, contextLength } },
  );
}

/**
 * Runs the text tower that the config asks for. ids [batch, tokens] int32 with tokens ≤ contextLength
 * → one feature for each caption, and every token. The parameters must be those of `textSpec(config)`.
 * @throws ClipError "bad-shape" if the captions do not fit the context.
 */
export function encodeText(
  params: TextParams,
  ids: Tensor,
  config: TextConfig,
  options: TextOptions = {},
): EncodedText {
  assertIds(ids, config);
  const { attentionMask } = options;
  if (attentionMask !== undefined) assertShape(attentionMask, ids.shape, "attention mask");
  return textTower(config).encode(params, ids, config, options);
}
