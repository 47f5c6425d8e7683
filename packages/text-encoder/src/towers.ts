import { ClipError, shown } from "@clip-ts/base";
import { causalTextSpec, encodeCausal, type CausalTextParams } from "./causal-tower.ts";
import type {
  BuiltInTextConfig,
  CausalTextConfig,
  OwnTextConfig,
  RobertaTextConfig,
  SiglipTextConfig,
  TextConfig,
} from "./config.ts";
import type { OwnTextTower } from "./own-tower.ts";
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
  if (!isOwnText(config)) return config;
  throw new ClipError(
    "unsupported",
    `${who} is for built-in towers only, and this model has ${config.tower.title}: keep it in clip-ts's own ` +
      "format (writeModel), or write its graphs for others (exportOnnxFolder).",
    { data: { tower: config.tower.name } },
  );
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

/** The tower in a config; in one that comes straight out of a file there is only its name. */
function ownTower({ tower }: OwnTextConfig): OwnTextTower {
  if (typeof tower === "object") return tower;
  throw new ClipError(
    "bad-config",
    `This config has ${shown(tower)} in the place of a text tower: make it with the tower's own config(), or ` +
      "read it with parseClipConfig(json, { towers }).",
    { data: { tower } },
  );
}

/** The tower that a config describes. @throws ClipError "bad-config" for a kind that does not exist. */
export function textTower(config: TextConfig): TextTower {
  return isOwnText(config) ? ownTower(config) : textTowers[textKind(config)];
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
