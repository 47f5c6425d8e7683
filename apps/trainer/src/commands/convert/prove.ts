import { ClipError, isClipError, selfCheckFile } from "@clip-ts/base";
import { startEngine, type StartedEngine } from "@clip-ts/engines";
import { closing, loadEmbedder, runSelfCheck, type Model, type SelfCheck } from "@clip-ts/inference";
import { checkPrecision, openModel, proofOf, writeSelfCheck } from "@clip-ts/node";
import { note, onNotice } from "../../cli/output.ts";

/** An engine to prove a model on; undefined where none can be started, which is said. */
export async function provingEngine(): Promise<StartedEngine | undefined> {
  try {
    return await startEngine("auto");
  } catch (error) {
    if (!isClipError(error) || error.code !== "engine-unavailable") throw error;
    note(`no ${selfCheckFile} is written: ${error.message}`);
    return undefined;
  }
}

/** Embeds a model's probes on an engine and writes down what comes. Leaves the model open. */
export async function proveOn(model: Model, engine: StartedEngine): Promise<SelfCheck> {
  const embedder = await loadEmbedder(model, engine.compiler);
  try {
    return await proofOf({ description: model, embedder }, engine);
  } finally {
    embedder.dispose();
  }
}

/**
 * Opens a model that was written and holds it against a proof.
 * @throws ClipError "bad-data" where it gives other features than what it was made from.
 */
async function checkWritten(folder: string, check: SelfCheck, engine: StartedEngine): Promise<number> {
  const written = await openModel(folder, { onNotice });
  const embedder = await closing(written, () => loadEmbedder(written, engine.compiler));
  try {
    const precision = checkPrecision(engine);
    const { passed, said, largest } = await runSelfCheck(check, { description: written, embedder }, { precision });
    if (passed) return largest;
    throw new ClipError(
      "bad-data",
      `${folder} is not the model that it was converted from: ${said} (computed by ${engine.name}). Do not use it. ` +
        "Where the source's own weights or files are damaged, fetch them again.",
      { data: { folder, said } },
    );
  } finally {
    embedder.dispose();
  }
}

/** What is proved of a converted model. */
export interface ConvertedModel {
  readonly model: Model;
  readonly output: string;
  /** Whether weights or sizes were changed on the way, so that an earlier proof is another model's. */
  readonly isChanged: boolean;
  /** Whether clip-ts opens what was written; graphs are others' to run. */
  readonly isReadable: boolean;
}

/**
 * Proves a conversion: takes the source's proof, or makes one from the source as it is open, holds what was written
 * against it and puts it beside. Leaves the source open. Where no engine runs, it says so.
 * @throws ClipError "bad-data" for a converted model that gives other features.
 */
export async function proveConverted({ model, output, isChanged, isReadable }: ConvertedModel): Promise<void> {
  const engine = await provingEngine();
  if (engine === undefined) return;
  const carried = isChanged ? undefined : await model.selfCheck();
  const check = carried ?? (await proveOn(model, engine));
  const off = isReadable ? await checkWritten(output, check, engine) : undefined;
  await writeSelfCheck(output, check);
  const whose =
    carried === undefined ? "the source's features of its probes" : "the features that its source was proved by";
  const found =
    off === undefined ? `for whoever runs the graphs: ${whose}` : `${whose}, met within ${off.toPrecision(2)}`;
  note(`wrote ${selfCheckFile}, ${found}`);
}
