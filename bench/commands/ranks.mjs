// @ts-check
// What it costs to train together: ranks of one machine beside as many processes that know nothing of each other.
import { stepsOf } from "../measure/ranks.mjs";
import { median } from "../measure/statistics.mjs";
import { commandLine } from "../options.mjs";
import { milliseconds } from "../report/figures.mjs";
import { batchesFor, startModel } from "./model-files.mjs";
import { recipeFor } from "./recipe.mjs";

/**
 * @typedef {import("./run.mjs").Run} Run
 * @typedef {import("../measure/ranks.mjs").Took} Took
 */

/** Processes, or ranks, that run side by side. */
const together = 2;

/** @param {readonly string[]} launcher */
const ways = (launcher) => ({
  alone: async (/** @type {Record<string, any>} */ options) => [await stepsOf([], options)],
  "side by side": (/** @type {Record<string, any>} */ options) =>
    Promise.all(Array.from({ length: together }, () => stepsOf([], options))),
  ranks: async (/** @type {Record<string, any>} */ options) => [await stepsOf(launcher, options)],
});

/** @param {readonly (readonly Took[])[]} runs @param {keyof Took} what */
const middle = (runs, what) => median(runs.flat().map((took) => took[what]));

/** @param {Run} run */
async function measure(run) {
  const { rounds, quick, threads, engines, launcher } = run.options;
  const { folder } = await startModel(run);
  const { path } = await batchesFor(run);
  const engine = engines?.[0] ?? "onnx";
  const options = { recipe: recipeFor(folder, path), engine, threads, warmup: 1, steps: quick ? 1 : 3 };
  const all = ways([...launcher.split(" "), "-np", String(together)]);
  /** @type {Record<string, Took[][]>} */
  const measured = Object.fromEntries(Object.keys(all).map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, start] of Object.entries(all)) {
      run.note(`round ${round + 1} of ${rounds}: ${name}`);
      measured[name]?.push(...(await start(options)));
    }
  }
  return { measured, engine };
}

/**
 * Steps of two ranks, beside those of two processes and of one, each with the pairs of a rank.
 * @param {Run} run
 */
export async function benchRanks(run) {
  const { model, batch, threads, rounds } = run.options;
  const { measured, engine } = await measure(run);
  const beside = middle(measured["side by side"] ?? [], "milliseconds");
  const rows = Object.entries(measured).map(([name, runs]) => {
    const all = middle(runs, "milliseconds");
    const [gather, sum] = [middle(runs, "gatherMilliseconds"), middle(runs, "sumMilliseconds")];
    const mebibytes = middle(runs, "bytes") / 2 ** 20;
    return [
      name === "ranks" ? `${together} ranks` : name === "alone" ? "1 process" : `${together} processes`,
      milliseconds(all),
      milliseconds(middle(runs, "cpuMilliseconds")),
      name === "ranks" ? milliseconds(gather) : "",
      name === "ranks" ? milliseconds(sum) : "",
      name === "ranks" ? mebibytes.toFixed(0) : "",
      `${((100 * beside) / all).toFixed(0)} %`,
    ];
  });
  const own = measured["ranks"] ?? [];
  const passing = middle(own, "gatherMilliseconds") + middle(own, "sumMilliseconds");
  const hidden = 1 - (middle(own, "milliseconds") - beside) / passing;
  run.publish({
    command: commandLine("ranks", run.options),
    title: `Training together, ${model}, batch ${batch} a rank`,
    setting: `${engine}, ${threads} thread a process, medians of ${rounds} rounds in turn`,
    rows: [["", "ms/step", "cpu ms", "gather", "sum", "MiB", "efficiency"], ...rows],
    notes: [
      "cpu ms: processor time of one process. gather and sum: milliseconds from a call's turn to its end, waiting for " +
        "the other rank included; sums run beside the backward pass, so they are not all waited for.",
      `Efficiency: pairs a second, of those of ${together} processes side by side that know nothing of each other.`,
      `Hidden: ${(100 * hidden).toFixed(0)} % of gather and sum; below 0, ranks cost each other more than that.`,
    ],
  });
  return { agreement: { holds: true } };
}
