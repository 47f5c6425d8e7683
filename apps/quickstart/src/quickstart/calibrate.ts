import type { PairRecord, PairSource } from "@clip-ts/data";
import type { Compiler } from "@clip-ts/engines";
import { openTrainingBatches, openRunModel, startTraining, type RunOptions } from "@clip-ts/trainer/training";

/** A source whose images are read and decoded once, however many streams of batches ask for them. */
export function rememberImages({ label, records }: PairSource): PairSource {
  const remembered = (record: PairRecord): PairRecord => {
    let image: ReturnType<PairRecord["loadImage"]> | undefined;
    return { ...record, loadImage: () => (image ??= record.loadImage()) };
  };
  return { label, records: records.map(remembered) };
}

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
  const { active } = await startTraining(options.training, model, { compiler });
  const batches = await openTrainingBatches(options.data, model.description, { source });
  for (let batch = 0; batch < batches.stepsPerEpoch; batch++) await batches.next();
  const times: number[] = [];
  for (let count = 0; count < warmUps + timed; count++) {
    const startedAt = performance.now();
    await active.step(await batches.next());
    if (count >= warmUps) times.push(performance.now() - startedAt);
  }
  active.dispose();
  await batches.close();
  return times.reduce((sum, time) => sum + time, 0) / timed;
}
