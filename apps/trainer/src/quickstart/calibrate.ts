import { flattenTree } from "@clip-ts/core";
import { clipSpec } from "@clip-ts/model";
import { startEngine } from "@clip-ts/node";
import { createOptimizer } from "@clip-ts/optim";
import { openTrainingBatches } from "../config/batches.ts";
import { openRunModel } from "../config/model.ts";
import { optimizerConfig } from "../config/optimizer.ts";
import type { RunConfig } from "../config/schema.ts";
import { disposeState, freshState } from "../training/train-state.ts";
import { createTrainStep } from "../training/train-step.ts";

const warmUps = 1;
const timed = 3;

/** Milliseconds of one training step on this machine, by taking a few and throwing them away. */
export async function measureStep(config: RunConfig): Promise<number> {
  await startEngine(config.engine);
  const { description, start } = await openRunModel(config);
  const spec = flattenTree<{ shape: readonly number[] }>(clipSpec(description.config));
  const optimizer = createOptimizer(optimizerConfig(config), spec);
  const step = createTrainStep(config, description.config, optimizer);
  const batches = await openTrainingBatches(config, description);
  let state = freshState(await start(), optimizer, false);
  let startedAt = 0;
  for (let count = 0; count < warmUps + timed; count++) {
    if (count === warmUps) startedAt = performance.now();
    ({ state } = await step(state, await batches.next()));
  }
  const elapsed = performance.now() - startedAt;
  disposeState(state);
  await batches.close();
  return elapsed / timed;
}
