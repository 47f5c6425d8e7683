import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { formatPreprocessorConfig } from "@clip-ts/image";
import { formatRobertaConfig, formatTorchvisionConfig, type ClipConfig } from "@clip-ts/model";
import { writeJson } from "../files.ts";
import { writeTokenizer, type ModelDescription } from "../model-folder.ts";
import { modelFiles } from "./model-files.ts";

/** What describes a vision tower, of a whole model or alone. */
type VisionFacts = { readonly config: Pick<ClipConfig, "vision"> } & Partial<
  Pick<ModelDescription, "preprocess">
>;

/** What describes a text tower, of a whole model or alone. */
type TextFacts = { readonly config: Pick<ClipConfig, "text"> } & Partial<
  Pick<ModelDescription, "tokenizer">
>;

/**
 * Writes what describes a vision tower alone: the arguments of torchvision's `VisionTransformer`, and the
 * preprocessing if it is known.
 * @throws ClipError "unsupported" for a tower that torchvision cannot build.
 */
export async function writeTorchvisionDescription(
  folder: string,
  { config, preprocess }: VisionFacts,
): Promise<void> {
  const content = formatTorchvisionConfig(config);
  await mkdir(folder, { recursive: true });
  await writeJson(join(folder, modelFiles.config), content);
  if (preprocess === undefined) return;
  await writeJson(join(folder, modelFiles.preprocessor), formatPreprocessorConfig(preprocess));
}

/**
 * Writes what describes a text tower alone, config and tokenizer, so that transformers' `RobertaModel`
 * loads the folder.
 * @throws ClipError "unsupported" for a text tower that is no RoBERTa.
 */
export async function writeRobertaDescription(
  folder: string,
  { config, tokenizer }: TextFacts,
): Promise<void> {
  const content = formatRobertaConfig(config);
  await mkdir(folder, { recursive: true });
  await writeJson(join(folder, modelFiles.config), content);
  if (tokenizer !== undefined) await writeTokenizer(folder, tokenizer);
}
