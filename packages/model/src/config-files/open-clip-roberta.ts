import type { HeadKind } from "@clip-ts/projection";
import type { RobertaTextConfig } from "@clip-ts/text-encoder";
import { robertaTowers } from "../presets/towers.ts";
import { refuseForOpenClip } from "./open-clip-style.ts";
import type { OpenClipContext, TextSide } from "./open-clip-context.ts";
import type { Json, Section } from "./section.ts";

const robertaPoolings = {
  mean_pooler: "mean",
  max_pooler: "max",
  cls_pooler: "pooler",
  cls_last_hidden_state_pooler: "first",
} as const;

/** Reads a tower that open_clip takes from Hugging Face by name. */
export function parseOpenClipRoberta(section: Section, { embedDim }: OpenClipContext): TextSide {
  const name = section.text("hf_model_name").replace(/^FacebookAI\//u, "");
  const tower = robertaTowers[name];
  if (tower === undefined) {
    section.refuse("hf_model_name", `one of ${Object.keys(robertaTowers).join(", ")}`);
  }
  const poolers = Object.keys(robertaPoolings) as (keyof typeof robertaPoolings)[];
  const pooler = section.choice("hf_pooler_type", poolers, "mean_pooler");
  const isWithout = section.json["hf_proj_type"] === null; // the file's null means no head
  const textHead: HeadKind = isWithout
    ? "none"
    : section.choice("hf_proj_type", ["linear", "mlp"], "mlp");
  if (textHead === "none" && tower.width !== embedDim) {
    section.refuse("hf_proj_type", '"linear" or "mlp"');
  }
  return { text: { ...tower, pooling: robertaPoolings[pooler] }, textHead };
}

/** Writes the tower's name, its pooler and head. */
export function formatOpenClipRoberta(text: RobertaTextConfig, head: HeadKind): Json {
  const isTower = ([, tower]: [string, Omit<RobertaTextConfig, "pooling">]): boolean =>
    Object.entries(tower).every(([key, value]) => text[key as keyof RobertaTextConfig] === value);
  const name = Object.entries(robertaTowers).find(isTower)?.[0];
  if (name === undefined) return refuseForOpenClip("a RoBERTa of this size");
  if (head === "affine") return refuseForOpenClip("a head with a bias behind RoBERTa");
  const poolers = Object.entries(robertaPoolings);
  return {
    hf_model_name: name,
    hf_tokenizer_name: name,
    hf_proj_type: head === "none" ? null : head,
    hf_pooler_type: poolers.find(([, pooling]) => pooling === text.pooling)?.[0],
  };
}
