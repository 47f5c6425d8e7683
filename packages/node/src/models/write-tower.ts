import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { formatPreprocessorConfig } from "@clip-ts/image";
import { formatRobertaConfig } from "@clip-ts/model";
import { writeJson } from "../files.ts";
import { writeTokenizer, type ModelDescription } from "../model-folder.ts";
import type { TowerSide } from "./load-tower.ts";
import { modelFiles } from "./model-files.ts";

/**
 * Writes what describes one tower alone: preprocessing beside a vision tower, config and tokenizer beside
 * RoBERTa, so that transformers' `RobertaModel` loads the folder.
 * @throws ClipError "unsupported" for a text tower that is no RoBERTa.
 */
export async function writeTowerDescription(
  folder: string,
  { config, preprocess, tokenizer }: ModelDescription,
  side: TowerSide,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  if (side === "vision") {
    await writeJson(join(folder, modelFiles.preprocessor), formatPreprocessorConfig(preprocess));
    return;
  }
  await writeJson(join(folder, modelFiles.config), formatRobertaConfig(config));
  if (tokenizer !== undefined) await writeTokenizer(folder, tokenizer);
}
