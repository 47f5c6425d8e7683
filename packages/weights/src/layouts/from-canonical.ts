import { ClipError } from "@clip-ts/base";
import type { TensorFile } from "../tensor-file.ts";
import type { AttentionHeads } from "./big-vision-rules.ts";
import { planConversion } from "./conversion-plan.ts";
import { layoutOf } from "./layout.ts";
import { plannedFile } from "./planned-file.ts";
import { rulesFor, type OtherLayout } from "./rules-for.ts";

/** What a conversion needs beside the tensors. */
export interface ConvertOptions {
  /** Attention heads of each tower; needed to write big_vision's names. */
  readonly heads?: AttentionHeads;
}

/** Towers alone: what stands before their names; the rest of a model stays behind. */
const towers: Readonly<Partial<Record<OtherLayout, string>>> = {
  torchvision: "vision_model.",
  roberta: "text_model.",
};

/** What each layout holds, for errors. */
const contents: Readonly<Record<OtherLayout, string>> = {
  dual_encoder: "Hugging Face's plain ViT beside a text tower",
  openai: "CLIP and SigLIP as open_clip builds them",
  big_vision: "SigLIP",
  torchvision: "torchvision's vision transformer",
  roberta: "RoBERTa",
};

function cannotHold(file: TensorFile, layout: OtherLayout, found: string): ClipError {
  return new ClipError(
    "unsupported",
    `${file.label} cannot be written under the names of ${layout}, which holds ${contents[layout]}: ${found}. ` +
      'Write it as "huggingface", which takes every model.',
    { data: { label: file.label, layout } },
  );
}

/** big_vision's tree has everything under this. */
const flaxRoot = "params/";

/**
 * A view of a file under clip-ts's own names under those of another layout.
 * @throws ClipError "unsupported" for a model that the layout does not hold, "bad-argument" without the
 * heads that big_vision needs.
 */
export function fromCanonical(
  file: TensorFile,
  to: OtherLayout,
  { heads }: ConvertOptions,
): TensorFile {
  if (to === "big_vision" && heads === undefined) {
    throw new ClipError(
      "bad-argument",
      "big_vision splits its attentions by heads, whose number no tensor tells: give heads, such as " +
        "{ vision: 12, text: 12 }.",
    );
  }
  const names = file.names.filter((name) => name.startsWith(towers[to] ?? ""));
  const plan = planConversion(names, rulesFor(to, names, heads), {
    describe: (name) => file.describe(name),
    direction: "fromCanonical",
    unknown: (name) => cannotHold(file, to, `there is no place for ${name}`),
  });
  if (layoutOf([...plan.keys()]) !== to) throw cannotHold(file, to, "this is another model");
  const root = to === "big_vision" ? flaxRoot : "";
  return plannedFile(file, new Map([...plan].map(([name, made]) => [root + name, made])));
}
