import type {
  AltClipTextConfig,
  BertFamilyConfig,
  BertTextConfig,
  CaptionConfig,
  M2m100TextConfig,
  Mt5TextConfig,
  TextConfigOf,
  TextKind,
  TokenPooling,
} from "@clip-ts/text-encoder";
import type { TransformerConfig } from "@clip-ts/transformer";
import type { Section } from "./section.ts";

/** What a file says of every transformer. */
type Shared = TransformerConfig & CaptionConfig;

/** Shares that training drops, as far as the file says them. */
function parseDropout(section: Section): Pick<BertFamilyConfig, "hiddenDropout" | "attentionDropout"> {
  return {
    ...(section.has("hiddenDropout") && { hiddenDropout: section.share("hiddenDropout") }),
    ...(section.has("attentionDropout") && { attentionDropout: section.share("attentionDropout") }),
  };
}

const parseBert = (section: Section, shared: Shared): BertTextConfig => ({
  kind: "bert",
  ...shared,
  tokenTypes: section.positive("tokenTypes"),
  pooling: section.choice("pooling", ["first", "mean", "max", "pooler"]),
  ...parseDropout(section),
});

const parseAltClip = (section: Section, shared: Shared): AltClipTextConfig => ({
  kind: "altclip",
  ...shared,
  startTokenId: section.tokenId("startTokenId", shared.vocabSize),
  tokenTypes: section.positive("tokenTypes"),
  headWidth: section.positive("headWidth"),
  ...parseDropout(section),
});

const parsePooling = (section: Section): TokenPooling => section.choice("pooling", ["first", "mean", "max"]);

const parseM2m100 = (section: Section, shared: Shared): M2m100TextConfig => ({
  kind: "m2m100",
  ...shared,
  pooling: parsePooling(section),
  ...parseDropout(section),
});

const parseMt5 = (section: Section, shared: Shared): Mt5TextConfig => ({
  kind: "mt5",
  ...shared,
  headDim: section.positive("headDim"),
  buckets: section.positive("buckets"),
  maxDistance: section.positive("maxDistance"),
  pooling: parsePooling(section),
});

/** A kind of text tower that was made for language alone. */
export type LanguageKind = Extract<TextKind, "altclip" | "bert" | "m2m100" | "mt5">;

/** How files say what there is to say of each. */
const readers: {
  readonly [Kind in LanguageKind]: (section: Section, shared: Shared) => TextConfigOf<Kind>;
} = { altclip: parseAltClip, bert: parseBert, m2m100: parseM2m100, mt5: parseMt5 };

/** Every such kind. */
export const languageKinds: readonly LanguageKind[] = Object.keys(readers) as LanguageKind[];

/** Whether a kind is one of them. */
export function isLanguageKind(kind: string): kind is LanguageKind {
  return Object.hasOwn(readers, kind);
}

/** Reads such a tower. */
export function parseLanguageTower(kind: LanguageKind, section: Section, shared: Shared): TextConfigOf<LanguageKind> {
  return readers[kind](section, shared);
}
