import { ClipError, selfCheckFile } from "@clip-ts/base";
import { startEngine, type EngineName } from "@clip-ts/engines";
import { closing, loadEmbedder, runSelfCheck, type Model, type SelfCheck } from "@clip-ts/inference";
import { checkPrecision, openModel } from "@clip-ts/node";
import { onNotice } from "../../cli/output.ts";

/** How a model does on an engine. */
export interface ProofTrial {
  readonly engine: EngineName;
  readonly passed: boolean;
  /** How far its features are off, or why there are none. */
  readonly said: string;
}

async function tryOn(engine: EngineName, model: Model, check: SelfCheck): Promise<ProofTrial> {
  try {
    const started = await startEngine(engine);
    const embedder = await loadEmbedder(model, started.compiler);
    try {
      const precision = checkPrecision(started);
      const { passed, said } = await runSelfCheck(check, { description: model, embedder }, { precision });
      return { engine, passed, said };
    } finally {
      embedder.dispose();
    }
  } catch (error) {
    return { engine, passed: false, said: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * Holds a model against its proof on each of these engines, one after the other.
 * @throws ClipError "not-found" for a model without a proof.
 */
export async function tryProof(name: string, engines: readonly EngineName[]): Promise<readonly ProofTrial[]> {
  return closing(await openModel(name, { onNotice }), async (model) => {
    const check = await model.selfCheck();
    if (check === undefined) {
      throw new ClipError(
        "not-found",
        `${name} has no ${selfCheckFile}: clip-ts convert writes one beside the model that it makes.`,
        { data: { model: name } },
      );
    }
    const trials: ProofTrial[] = [];
    for (const engine of engines) trials.push(await tryOn(engine, model, check));
    return trials;
  });
}
