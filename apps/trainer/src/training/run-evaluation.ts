import type { ModelDescription } from "@clip-ts/inference";
import type { Evaluating } from "@clip-ts/training";
import { keepBestModel } from "./best-model.ts";
import type { EarlyStopping } from "./early-stopping.ts";
import type { Evaluator } from "./evaluation.ts";
import type { Progress } from "./progress.ts";
import type { TrainingSession } from "./session.ts";

/** What evaluating a run takes. */
export interface RunEvaluation {
  /** Folder of the run, which gets its best model. */
  readonly run: string;
  readonly description: ModelDescription;
  readonly session: TrainingSession;
  readonly evaluator: Evaluator | undefined;
  readonly early: EarlyStopping | undefined;
  readonly progress: Pick<Progress, "evaluated">;
}

/** Evaluates the session, notes what was found, keeps the best model, and says whether to go on. */
export function createEvaluating(parts: RunEvaluation): Evaluating | undefined {
  const { run: folder, description, session, evaluator, early, progress } = parts;
  if (evaluator === undefined) return undefined;
  const run = (): Promise<boolean> =>
    session.evaluate(async (models) => {
      const evaluation = await evaluator.evaluate(models);
      const step = session.steps() - 1;
      progress.evaluated(step, evaluation);
      const verdict = early?.judge(evaluation, step);
      const isOfEma = early?.metric.startsWith("ema.") === true;
      const judged = isOfEma ? models.ema : models.model;
      if (verdict?.isBest && judged !== undefined) {
        await keepBestModel(folder, description, judged);
      }
      return verdict?.shouldStop === true;
    });
  return { every: evaluator.every, run };
}
