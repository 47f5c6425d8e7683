import type { PairSource } from "@clip-ts/data";
import type { Compiler } from "@clip-ts/node";
import { openTrainingBatches } from "../config/batches.ts";
import { openRunModel } from "../config/model.ts";
import type { RunConfig } from "../config/schema.ts";
import { openSession } from "../training/open-session.ts";

const warmUps = 3;
const timed = 40;

/**
 * Milliseconds of one training step on the running engine, its batch included: the mean of some, thrown
 * away. An epoch of batches goes by first, so that `source` has decoded its images.
 */
export async function measureStep(
  config: RunConfig,
  compiler: Compiler | undefined,
  source: PairSource,
): Promise<number> {
  const model = await openRunModel(config);
  const { session } = await openSession(config, model, { compiler });
  const batches = await openTrainingBatches(config, model.description, { source });
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
