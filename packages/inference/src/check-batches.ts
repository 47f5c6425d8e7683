import { isPatches } from "@clip-ts/image";
import { checkLimits, type AskedLimits } from "@clip-ts/model";
import { pixelForm } from "@clip-ts/vision-encoder";
import type { ModelDescription } from "./model.ts";

/**
 * Refuses limits of batches that a model's images cannot keep, before anything slow.
 * @throws ClipError "bad-argument" for a `maxTokens` that is less than one image, or of a model whose images are of one
 * size.
 */
export function checkBatches(
  { config, preprocess }: Pick<ModelDescription, "config" | "preprocess">,
  limits: AskedLimits,
): void {
  checkLimits(limits, pixelForm(config.vision), isPatches(preprocess) ? preprocess.maxPatches : undefined);
}
