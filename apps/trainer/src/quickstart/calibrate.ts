import type { PairSource } from "@clip-ts/data";
import type { Compiler } from "@clip-ts/engines";
import { openTrainingBatches } from "../config/batches.ts";
import { openRunModel } from "../config/model.ts";
import type { RunOptions } from "../config/run-options.ts";
import { openSession } from "../training/open-session.ts";

const warmUps = 3;
const timed = 40;

/**
 * Milliseconds of one training step on the running engine, its batch included: the mean of some, thrown
 * away. An epoch of batches goes by first, so that `source` has decoded its images.
 */
export async function measureStep(
  options: RunOptions,
  compiler: Compiler | undefined,
  source: PairSource,
): Promise<number> {
  const model = await openRunModel(options.model);
  const { session } = await openSession(options.training, model, { compiler });
  const batches = await openTrainingBatches(options.data, model.description, { source });
  for (let batch = 0; batch < batches.stepsPerEpoch; batch++) await batches.next();
  const times: number[] = [];
  for (let count = 0; count < warmUps + timed; count++) {
    const startedAt = performance.now();
    await session.step(await batches.next());
    if (count >= warmUps) times.push(performance.now() - startedAt);
  }
  session.dispose();
  await batches.close();
  return times.reduce((sum, time) => sum + time, 0) / timed;
}
