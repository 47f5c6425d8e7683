import type { Compiler } from "@clip-ts/node";
import { openTrainingBatches } from "../config/batches.ts";
import { openRunModel } from "../config/model.ts";
import type { RunConfig } from "../config/schema.ts";
import { openSession } from "../training/open-session.ts";

const warmUps = 2;
const timed = 5;

/** Milliseconds of one training step on the running engine: the median of a few, thrown away. */
export async function measureStep(
  config: RunConfig,
  compiler: Compiler | undefined,
): Promise<number> {
  const model = await openRunModel(config);
  const { session } = await openSession(config, model, { compiler });
  const batches = await openTrainingBatches(config, model.description);
  const times: number[] = [];
  for (let count = 0; count < warmUps + timed; count++) {
    const startedAt = performance.now();
    await session.step(await batches.next());
    if (count >= warmUps) times.push(performance.now() - startedAt);
  }
  session.dispose();
  await batches.close();
  return times.toSorted((a, b) => a - b)[Math.floor(timed / 2)] as number;
}
