import { ClipError } from "@clip-ts/base";

/** What the weights of a model without a config leave open. */
export type Missing = "heads" | "activation" | "image size" | "captions" | "pooling" | "norms";

const questions: Readonly<Record<Missing, string>> = {
  heads: "how many attention heads the towers have",
  activation: "whether they were trained with QuickGELU (OpenAI's) or GELU (most of open_clip's)",
  "image size": "for which image size they were trained",
  captions: "which token ends a caption (the vocabulary is not CLIP's), and which tokens see which",
  norms:
    "what constant the norms of its RoBERTa add (published ones 1e-5, transformers by default 1e-12)",
  pooling: "how the tokens of an image or a caption become one feature",
};

/** Refuses weights that leave something open. `names` are the published models that they may be. */
export function refuseGuess(missing: readonly Missing[], names: readonly string[] = []): never {
  const open = missing.map((what) => questions[what]);
  const last = open.at(-1) ?? "";
  const list = open.length > 1 ? `${open.slice(0, -1).join(", ")} and ${last}` : last;
  const like = names.length > 0 ? ` They have the sizes of ${names.join(", ")}.` : "";
  throw new ClipError(
    "bad-config",
    `These weights do not say ${list}, and a wrong guess gives wrong features: give a config, or say it.${like}`,
    { data: { missing, presets: names, question: list } },
  );
}
