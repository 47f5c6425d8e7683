import { ClipError, shown } from "@clip-ts/base";
import { causalTextSpec, encodeCausal, type CausalTextParams } from "./causal-tower.ts";
import type {
  CausalTextConfig,
  RobertaTextConfig,
  SiglipTextConfig,
  TextConfig,
} from "./config.ts";
import { drawRobertaDropout } from "./roberta-dropout.ts";
import { robertaTextSpec, type RobertaTextParams } from "./roberta-spec.ts";
import { encodeRoberta } from "./roberta-tower.ts";
import { encodeSiglip, siglipTextSpec, type SiglipTextParams } from "./siglip-tower.ts";
import type { TextTower } from "./text-tower.ts";

const clip: TextTower<CausalTextConfig, CausalTextParams> = {
  spec: causalTextSpec,
  encode: encodeCausal,
  width: ({ width }) => width,
  endsInJointSpace: false,
  readsMask: false,
  title: "CLIP's transformer",
  draws: () => ({}),
};

const roberta: TextTower<RobertaTextConfig, RobertaTextParams> = {
  spec: robertaTextSpec,
  encode: encodeRoberta,
  width: ({ width }) => width,
  endsInJointSpace: false,
  readsMask: true,
  title: "RoBERTa",
  draws: drawRobertaDropout,
};

const siglip: TextTower<SiglipTextConfig, SiglipTextParams> = {
  spec: siglipTextSpec,
  encode: encodeSiglip,
  width: ({ headWidth }) => headWidth,
  endsInJointSpace: true,
  readsMask: false,
  title: "SigLIP's transformer",
  draws: () => ({}),
};

/** Names of the kinds of text towers. */
export type TextKind = NonNullable<TextConfig["kind"]>;

/** The configs of one kind of text tower. */
export type TextConfigOf<Kind extends TextKind> = Extract<TextConfig, { readonly kind?: Kind }>;

/** Every kind of text tower. */
export const textTowers: {
  readonly [Kind in TextKind]: TextTower<TextConfigOf<Kind>, never>;
} = { clip, roberta, siglip };

/** The kind of a config; one that says none is CLIP's. @throws ClipError "bad-config" for an unknown one. */
export function textKind({ kind = "clip" }: TextConfig): TextKind {
  if (Object.hasOwn(textTowers, kind)) return kind;
  throw new ClipError(
    "bad-config",
    `There is no text tower of kind ${shown(kind)}: use "clip", "roberta" or "siglip".`,
    { data: { kind } },
  );
}

/** The tower that a config describes. @throws ClipError "bad-config" for a kind that does not exist. */
export function textTower(config: TextConfig): TextTower {
  return textTowers[textKind(config)];
}

/** One answer for each kind of text tower. */
export type TextCases<Answer> = { [Kind in TextKind]: (config: TextConfigOf<Kind>) => Answer };

/** The answer for the kind of this config. */
export function matchText<Answer>(config: TextConfig, cases: TextCases<Answer>): Answer {
  const answer = cases[textKind(config)] as (own: TextConfig) => Answer;
  return answer(config);
}
