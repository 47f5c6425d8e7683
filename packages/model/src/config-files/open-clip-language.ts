import type { HeadKind } from "@clip-ts/projection";
import type {
  BertTextConfig,
  BuiltInTextConfig,
  M2m100TextConfig,
  Mt5TextConfig,
  RobertaTextConfig,
} from "@clip-ts/text-encoder";
import { languageTowers, type LanguageTower } from "../presets/language-towers.ts";
import { refuseForOpenClip, type OpenClipContext, type TextSide } from "./open-clip-style.ts";
import type { Json, Section } from "./section.ts";

const poolers = ["mean_pooler", "max_pooler", "cls_pooler", "cls_last_hidden_state_pooler"] as const;

type Pooler = (typeof poolers)[number];

/** What open_clip's poolers are here where a tower ends in BERT's pooler, and where it has none. */
const poolings = {
  bert: {
    mean_pooler: "mean",
    max_pooler: "max",
    cls_pooler: "pooler",
    cls_last_hidden_state_pooler: "first",
  },
  encoder: {
    mean_pooler: "mean",
    max_pooler: "max",
    cls_pooler: "first",
    cls_last_hidden_state_pooler: "first",
  },
} as const satisfies Readonly<Record<string, Readonly<Record<Pooler, string>>>>;

/** What open_clip takes for a pooler of null, and what its poolers do, by the kind of the tower. */
const kinds: Readonly<Record<LanguageConfig["kind"], { readonly usual: Pooler; readonly of: keyof typeof poolings }>> =
  {
    roberta: { usual: "mean_pooler", of: "bert" },
    bert: { usual: "cls_pooler", of: "bert" },
    mt5: { usual: "mean_pooler", of: "encoder" },
    m2m100: { usual: "cls_pooler", of: "encoder" },
  };

/** A text tower that open_clip takes from Hugging Face. */
export type LanguageConfig = BertTextConfig | RobertaTextConfig | Mt5TextConfig | M2m100TextConfig;

/** Whether open_clip takes such a tower from Hugging Face. */
export function isLanguageTower(text: BuiltInTextConfig): text is LanguageConfig {
  return text.kind !== undefined && Object.hasOwn(kinds, text.kind);
}

/** The names under which the hub has its first models too. */
const owners = /^(FacebookAI|google-bert)\//u;

/** Reads a tower that open_clip takes from Hugging Face by name. */
export function parseLanguageTower(section: Section, { embedDim }: OpenClipContext): TextSide {
  const tower = languageTowers[section.text("hf_model_name").replace(owners, "")];
  if (tower === undefined) {
    section.refuse("hf_model_name", `one of ${Object.keys(languageTowers).join(", ")}`);
  }
  const { usual, of } = kinds[tower.kind];
  const isUsual = section.json["hf_pooler_type"] === null; // the file's null means the kind's own
  const pooler = section.choice("hf_pooler_type", poolers, isUsual ? usual : "mean_pooler");
  const isWithout = section.json["hf_proj_type"] === null; // the file's null means no head
  const textHead: HeadKind = isWithout ? "none" : section.choice("hf_proj_type", ["linear", "mlp"], "mlp");
  if (textHead === "none" && tower.width !== embedDim) {
    section.refuse("hf_proj_type", '"linear" or "mlp"');
  }
  return { text: { ...tower, pooling: poolings[of][pooler] } as LanguageConfig, textHead };
}

/** Writes the tower's name, its pooler and head. */
export function formatLanguageTower(text: LanguageConfig, head: HeadKind): Json {
  const said = text as unknown as Json;
  const isTower = ([, tower]: [string, LanguageTower]): boolean =>
    Object.entries(tower).every(([key, value]) => said[key] === value);
  const name = Object.entries(languageTowers).find(isTower)?.[0];
  if (name === undefined) return refuseForOpenClip(`a text tower of kind "${text.kind}" of this size`);
  if (head === "affine") return refuseForOpenClip(`a head with a bias behind a text tower of kind "${text.kind}"`);
  const known = poolings[kinds[text.kind].of];
  return {
    hf_model_name: name,
    hf_tokenizer_name: name,
    hf_proj_type: head === "none" ? null : head,
    hf_pooler_type: poolers.find((pooler) => known[pooler] === text.pooling),
  };
}
