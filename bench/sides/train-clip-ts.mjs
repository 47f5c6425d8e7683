// @ts-check
// Training by clip-ts: the session that `clip-ts train` opens, on one engine. `eager` runs operation by
// operation on engines that would compile.
import { openRunModel, startTraining, openTrainingBatches, parseConfig, runOptions } from "@clip-ts/trainer/training";
import { serve } from "../measure/serve.mjs";
import { startSideEngine } from "./start-side-engine.mjs";

await serve(async ({ eager, recipe, ...engineOptions }) => {
  const engine = await startSideEngine(engineOptions);
  const options = runOptions(parseConfig(recipe, "the benchmark's recipe"));
  const model = await openRunModel(options.model);
  let loadMilliseconds = 0;
  const start = async () => {
    const startedAt = performance.now();
    const params = await model.start();
    loadMilliseconds = performance.now() - startedAt;
    return params;
  };
  const startedAt = performance.now();
  const compiler = eager === true ? undefined : engine.compiler;
  const { active } = await startTraining(options.training, { ...model, start }, { compiler });
  const openMilliseconds = performance.now() - startedAt - loadMilliseconds;
  const batches = await openTrainingBatches(options.data, model.description);
  let batch = await batches.next();
  return {
    facts: { version: engine.detail, loadMilliseconds, openMilliseconds },
    run: () => active.step(batch),
    async show(_, metrics) {
      batch = await batches.next();
      return { loss: metrics.loss, gradNorm: metrics.gradNorm };
    },
  };
});
