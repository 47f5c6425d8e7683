import { existsSync } from "node:fs";
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { selfCheckFile } from "@clip-ts/base";
import { writeFileWhole } from "@clip-ts/files";
import { formatSelfCheck, makeSelfCheck, type CheckedModel, type SelfCheck } from "@clip-ts/inference";
import type { Precision } from "@clip-ts/tensorflow";
import { checkPrecision, type RunningEngine } from "./load-proved.ts";
import { version } from "./version.ts";

/** Makes a model's proof on the engine that its embedder runs on. */
export function proofOf(
  model: CheckedModel,
  engine: Pick<RunningEngine, "name">,
  precision?: Precision,
): Promise<SelfCheck> {
  return makeSelfCheck(model, { engine: engine.name, precision: checkPrecision(engine, precision), version });
}

/** Writes a proof beside a model's weights. */
export async function writeSelfCheck(folder: string, check: SelfCheck): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFileWhole(join(folder, selfCheckFile), formatSelfCheck(check));
}

/** Copies the proof of a model, if it has one, to a folder that holds the same weights. */
export async function copySelfCheck(from: string, to: string): Promise<void> {
  const file = join(from, selfCheckFile);
  if (existsSync(file)) await copyFile(file, join(to, selfCheckFile));
}
