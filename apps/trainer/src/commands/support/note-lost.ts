import { lostPreprocess, type PreprocessConfig, type PreprocessReader } from "@clip-ts/image";
import { note } from "../../cli/output.ts";

/** Who prepares pictures by what a target of `convert` writes; transformers.js resizes in its own way anyhow. */
const readers: Readonly<Record<string, PreprocessReader>> = {
  hf: "transformers",
  openai: "transformers",
  open_clip: "open_clip",
};

/** Says what a converted model's preprocessing does that readers of the target will not do. */
export function noteLost(target: string, preprocess: PreprocessConfig | undefined): void {
  if (preprocess === undefined) return;
  for (const sentence of lostPreprocess(preprocess, readers[target] ?? "others")) note(sentence);
}
