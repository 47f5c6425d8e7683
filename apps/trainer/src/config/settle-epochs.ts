import { ClipError, shown } from "@clip-ts/base";
import { note } from "../cli/output.ts";
import { countPairs, openTrainingPairs, type PairDataOptions } from "./batches.ts";
import { parseConfig, type Settings } from "./load-config.ts";
import { runOptions } from "./run-options.ts";
import type { SourceDefinitions } from "./sources.ts";

function refuse(message: string): never {
  throw new ClipError("bad-config", message);
}

/** Pairs of an epoch. @throws ClipError "bad-config" where they are not simply those that there are. */
async function pairsOf(data: PairDataOptions): Promise<number> {
  const opened = await openTrainingPairs(data);
  try {
    const isWeighted = "groups" in opened && opened.groups.some(({ weight }) => weight !== 1);
    const isResampled = "resampled" in data.train && data.train.resampled === true;
    if (isWeighted || isResampled) {
      refuse('"epochs": of data that is drawn by weights or with replacement no epoch is told; give "steps".');
    }
    return countPairs(opened);
  } finally {
    if ("close" in opened) await opened.close();
  }
}

/**
 * Settings in which "epochs" has become "steps": so many times the whole steps of the training data, as open_clip
 * counts them. Opens the data to count its pairs, and says what came of it.
 * @throws ClipError "bad-config" for both, for what is no number of epochs, and for data without epochs
 */
export async function settleEpochs(
  settings: Settings,
  label: string,
  sources: SourceDefinitions = {},
): Promise<Settings> {
  const { epochs, ...rest } = settings;
  if (epochs === undefined) return settings;
  if (rest["steps"] !== undefined) refuse(`${label}: "epochs" and "steps" both say how long; give one of them.`);
  if (typeof epochs !== "number" || !(epochs > 0) || !Number.isFinite(epochs)) {
    refuse(`${label}: "epochs" expects a number above 0, such as 32; got ${shown(epochs)}.`);
  }
  const { data } = runOptions(parseConfig({ ...rest, steps: 1 }, label, sources), sources);
  const { train } = data;
  if (train.kind === "tensors") refuse(`${label}: a file of tensors has batches of any size; give "steps".`);
  const step = data.batchSize * data.accumulate;
  const pairs = await pairsOf({ ...data, train });
  const perEpoch = Math.floor(pairs / step);
  const steps = Math.round(epochs * perEpoch);
  if (steps < 1)
    refuse(`${label}: ${epochs} epochs of ${pairs} pairs make no step of ${step}: lower "data.batchSize".`);
  note(`epochs  ${epochs} of ${perEpoch} steps each (${pairs} pairs, ${step} a step): steps ${steps}`);
  return { ...rest, steps };
}
