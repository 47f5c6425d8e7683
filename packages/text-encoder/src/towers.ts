import { ClipError, shown } from "@clip-ts/base";
import { ownTowerOf, refuseOwnTower } from "@clip-ts/core";
import { causalTextSpec, encodeCausal, type CausalTextParams } from "./causal-tower.ts";
import type {
  BuiltInTextConfig,
  CausalTextConfig,
  OwnTextConfig,
  RobertaTextConfig,
  SiglipTextConfig,
  TextConfig,
} from "./config.ts";
import { drawRobertaDropout } from "./roberta-dropout.ts";
import { robertaTextSpec, type RobertaTextParams } from "./roberta-spec.ts";
import { encodeRoberta } from "./roberta-tower.ts";
import { encodeSiglip, siglipTextSpec, type SiglipTextParams } from "./siglip-tower.ts";
import type { TextTower } from "./text-tower.ts";

/** What the built-in towers say in one way. */
const transformer = (
  name: string,
): Pick<TextTower<BuiltInTextConfig>, "title" | "depth" | "describe"> => ({
  title: name,
  depth: ({ layers }) => layers,
  describe: ({ layers, width, heads }) =>
    `${name}, ${layers} layers, width ${width}, ${heads} heads`,
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

const roberta: TextTower<RobertaTextConfig, RobertaTextParams> = {
  spec: robertaTextSpec,
  encode: encodeRoberta,
  width: ({ width }) => width,
  endsInJointSpace: false,
  readsMask: true,
  ...transformer("RoBERTa"),
  draws: drawRobertaDropout,
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
export type TextConfigOf<Kind extends TextKind> = Extract<
  BuiltInTextConfig,
  { readonly kind?: Kind }
>;

/** Every kind of text tower that is built in. */
export const textTowers: {
  readonly [Kind in TextKind]: TextTower<TextConfigOf<Kind>, never>;
} = { clip, roberta, siglip };

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
    `There is no text tower of kind ${shown(kind)}: use "clip", "roberta" or "siglip". ` +
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
