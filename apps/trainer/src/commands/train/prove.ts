import { isClipError } from "@clip-ts/base";
import type { HostArrays } from "@clip-ts/core";
import type { StartedEngine } from "@clip-ts/engines";
import { engineEmbedder, type ModelDescription } from "@clip-ts/inference";
import { proofOf, writeSelfCheck } from "@clip-ts/node";
import type { RunEngineOptions } from "../../config/options.ts";
import { note } from "../../cli/output.ts";

/** Writes the proof of a run's model, or of its moving average, into the folder that holds it. Borrows the leaves. */
export type WriteProof = (folder: string, leaves: HostArrays) => Promise<void>;

/**
 * What writes the proofs of a run: the model's features of two pictures and three captions, on the engine that trains
 * it. Towers are compiled for it each time and freed, so that nothing of them stays beside the training.
 */
export function createProver(
  description: ModelDescription,
  engine: StartedEngine,
  { precision }: Pick<RunEngineOptions, "precision">,
): WriteProof {
  return async (folder, leaves) => {
    const embedder = await engineEmbedder(leaves, description.config, engine.compiler);
    try {
      await writeSelfCheck(folder, await proofOf({ description, embedder }, engine, precision));
    } catch (error) {
      if (!isClipError(error) || error.code !== "bad-weights") throw error;
      note(`note    no self-check.json: ${error.message}`);
    } finally {
      embedder.dispose();
    }
  };
}
