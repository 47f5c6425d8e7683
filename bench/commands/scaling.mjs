// @ts-check
// A step of one process here, and what the formula of docs/scaling.md makes of it for more of them.
import { stepsOf } from "../measure/ranks.mjs";
import { efficiencyOf, multiplyAdds, partsOfStep } from "../measure/scaling.mjs";
import { median } from "../measure/statistics.mjs";
import { commandLine } from "../options.mjs";
import { milliseconds } from "../report/figures.mjs";
import { batchesFor, startModel } from "./model-files.mjs";
import { recipeFor } from "./recipe.mjs";

/** @typedef {import("./run.mjs").Run} Run */

/** Ranks that are predicted for. */
const ranks = [2, 4, 8, 16, 64, 256, 1024];

/** Seconds until a message's first byte is there: through the kernel's TCP, and a switch. */
const latency = 30e-6;

/** Share of the sum that runs beside the backward pass: what two machines at 1 Gbit/s are asked for. */
const hidden = 0.6;

/** Multiplications and additions of a step: forward once, backward twice. */
const perMultiplyAdd = 6;

/** @param {readonly number[]} values */
function deviation(values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / Math.max(1, values.length - 1));
}

/** @param {number} share */
const percent = (share) => `${(100 * share).toFixed(0)} %`;

/** @param {Run} run */
async function measure(run) {
  const { batch, threads, rounds, engines, tokens } = run.options;
  const { folder, description } = await startModel(run);
  const { path } = await batchesFor(run);
  const options = {
    recipe: recipeFor(folder, path),
    engine: engines?.[0] ?? "onnx",
    threads,
    warmup: 1,
    steps: rounds,
  };
  const took = await stepsOf([], options);
  const seconds = took.map((step) => step.milliseconds / 1000);
  const { parameters, macs, dim } = multiplyAdds(description.config, tokens);
  const middle = median(seconds);
  return {
    seconds: middle,
    spread: deviation(seconds),
    pairs: batch,
    parameters,
    dim,
    flops: (perMultiplyAdd * macs * batch) / middle,
  };
}

/**
 * Predicted efficiency at 2 to 1,024 ranks.
 * @param {Run} run
 */
export async function benchScaling(run) {
  const { model, batch, links, threads } = run.options;
  const measured = await measure(run);
  const networks = links.map((link) => ({ link, bytes: (link * 1e9) / 8, latency, hidden }));
  const rows = ranks.map((count) => [
    `${count} ranks`,
    ...networks.map((network) => percent(efficiencyOf(count, measured, network))),
    milliseconds(1000 * partsOfStep(count, measured, /** @type {any} */ (networks.at(-1))).compare),
  ]);
  const { seconds, spread, parameters, flops } = measured;
  const sums = networks.map((network) => {
    const { sum } = partsOfStep(1024, measured, network);
    return `${network.link} Gbit/s: ${sum.toFixed(2)} s`;
  });
  run.publish({
    command: commandLine("scaling", run.options),
    title: `Predicted efficiency, ${model}, batch ${batch} a rank`,
    setting: `${threads} threads a rank; a step takes ${seconds.toFixed(2)} s (deviation ${spread.toFixed(2)} s)`,
    rows: [["", ...networks.map(({ link }) => `${link} Gbit/s`), "compare ms"], ...rows],
    notes: [
      "Predicted by the formula of docs/scaling.md, not measured: one rank a machine, " +
        `${percent(hidden)} of a sum beside the backward pass, 30 us of latency.`,
      `${(parameters / 1e6).toFixed(0)} M parameters, ${((4 * parameters) / 1e6).toFixed(0)} MB of gradients a step; ` +
        `the sum of 1,024 ranks takes, by the network alone, ${sums.join(", ")}.`,
      `The step computes ${(flops / 1e9).toFixed(0)} GFLOP/s; comparing is taken to be as fast.`,
    ],
  });
  return { agreement: { holds: true } };
}
