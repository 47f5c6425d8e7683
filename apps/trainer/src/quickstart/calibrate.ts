import type { Compiler } from "@clip-ts/node";
import { openTrainingBatches } from "../config/batches.ts";
import { openRunModel } from "../config/model.ts";
import type { RunConfig } from "../config/schema.ts";
import { openSession } from "../training/open-session.ts";

const warmUps = 3;
const timed = 21;

/**
 * Milliseconds of one training step on the running engine, its batch included. The steps timed are thrown
 * away; a quarter of them was faster than what is returned, since a machine that others share is slow by
 * moments. An epoch of batches goes by first: later ones find their images decoded.
 */
export async function measureStep(
  config: RunConfig,
  compiler: Compiler | undefined,
): Promise<number> {
  const model = await openRunModel(config);
  const { session } = await openSession(config, model, { compiler });
  const batches = await openTrainingBatches(config, model.description);
  for (let batch = 0; batch < batches.stepsPerEpoch; batch++) await batches.next();
  const times: number[] = [];
  for (let count = 0; count < warmUps + timed; count++) {
    const startedAt = performance.now();
    await session.step(await batches.next());
    if (count >= warmUps) times.push(performance.now() - startedAt);
  }
  session.dispose();
  await batches.close();
  return times.toSorted((a, b) => a - b)[Math.floor(timed / 4)] as number;
}
