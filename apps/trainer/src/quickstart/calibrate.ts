import { startEngine } from "@clip-ts/node";
import { openTrainingBatches } from "../config/batches.ts";
import { openRunModel } from "../config/model.ts";
import type { RunConfig } from "../config/schema.ts";
import { openSession } from "../training/open-session.ts";

const warmUps = 1;
const timed = 3;

/** Milliseconds of one training step on this machine, by taking a few and throwing them away. */
export async function measureStep(config: RunConfig): Promise<number> {
  await startEngine(config.engine);
  const model = await openRunModel(config);
  const { session } = await openSession(config, model);
  const batches = await openTrainingBatches(config, model.description);
  let startedAt = 0;
  for (let count = 0; count < warmUps + timed; count++) {
    if (count === warmUps) startedAt = performance.now();
    await session.step(await batches.next());
  }
  const elapsed = performance.now() - startedAt;
  session.dispose();
  await batches.close();
  return elapsed / timed;
}
