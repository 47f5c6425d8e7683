import type { RunSummary } from "../../pages/run-summary.ts";

/** What runs may be sorted by. */
export type Order = "loss" | "recall" | "speed" | "name" | "time";

/** Evaluations by which runs are usually told apart, best first. */
const preferred = ["retrieval.meanRecallAt1", "zeroShot.top1"];

/**
 * The number of an evaluation that runs are compared by: what their early stopping goes by, else the mean
 * recall, else zero-shot accuracy, else whatever there is; undefined where nothing was evaluated.
 */
export function comparedMetric(runs: readonly RunSummary[]): string | undefined {
  const there = new Set(runs.flatMap(({ evaluations }) => Object.keys(evaluations)));
  const stopping = runs.map(({ settings }) => settings["earlyStopping.metric"]);
  const wanted = [...stopping, ...preferred].find((name) => typeof name === "string" && there.has(name));
  return (wanted as string | undefined) ?? [...there][0];
}

/** Lower is before, but for what is missing, which is last. */
function keyOf(run: RunSummary, order: Order, metric: string | undefined): number {
  const score = metric === undefined ? undefined : run.evaluations[metric]?.best;
  const sign = metric?.endsWith("Rank") === true ? 1 : -1;
  const keys: Readonly<Record<Order, number | undefined>> = {
    loss: run.loss?.last,
    recall: score === undefined ? undefined : sign * score,
    speed: run.imagesPerSecond === undefined ? undefined : -run.imagesPerSecond,
    time: run.wallMs,
    name: 0,
  };
  return keys[order] ?? Number.POSITIVE_INFINITY;
}

/** Runs in an order, best first; by name where they are alike. */
export function sortRuns(runs: readonly RunSummary[], order: Order, metric: string | undefined): RunSummary[] {
  const byName = new Intl.Collator("en", { numeric: true });
  return runs.toSorted((a, b) => {
    const [one, other] = [keyOf(a, order, metric), keyOf(b, order, metric)];
    return one === other ? byName.compare(a.name, b.name) : one - other;
  });
}

/** A setting that is not the same in all runs: its value in each, in their order; undefined where not set. */
export interface Difference {
  readonly key: string;
  readonly values: readonly unknown[];
}

/** Settings that differ between runs, but for their folders; an engine that was left open is that which ran. */
export function differences(runs: readonly RunSummary[]): Difference[] {
  const settings = runs.map((run): Readonly<Record<string, unknown>> => ({ ...run.settings, engine: run.engine }));
  const keys = [...new Set(settings.flatMap((each) => Object.keys(each)))].filter((key) => key !== "run");
  return keys
    .map((key) => ({ key, values: settings.map((each) => each[key]) }))
    .filter(({ values }) => new Set(values.map((value) => JSON.stringify(value))).size > 1);
}

/** Pairs that a run's loss compares at once; undefined where its settings do not say. */
function comparedPairs({ settings }: RunSummary): number | undefined {
  const [size, parts = 1] = [settings["data.batchSize"], settings["accumulate"]];
  return typeof size === "number" && typeof parts === "number" ? size * parts : undefined;
}

/** What keeps losses from being compared, in words; nothing where they can be. */
export function cautions(runs: readonly RunSummary[]): string[] {
  const pairs = new Set(runs.map(comparedPairs).filter((count) => count !== undefined));
  const kinds = new Set(runs.map(({ settings }) => settings["loss.kind"] ?? "contrastive"));
  const sizes = [...pairs].toSorted((a, b) => a - b);
  const chances = sizes.map((count) => `${Math.log(count).toFixed(2)} for ${count}`).join(", ");
  return [
    ...(kinds.size > 1 ? ["These losses are of different kinds: compare evaluations."] : []),
    ...(sizes.length > 1 && kinds.has("contrastive")
      ? [`These losses compare different numbers of pairs (chance is ${chances}): compare evaluations.`]
      : []),
  ];
}
