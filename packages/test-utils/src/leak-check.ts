import { memory } from "@tensorflow/tfjs-core";

/** Number of tensors that `run` leaves behind. */
export async function tensorsLeftBy(run: () => unknown): Promise<number> {
  const before = memory().numTensors;
  await run();
  return memory().numTensors - before;
}
