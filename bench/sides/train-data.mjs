// @ts-check
// Training by clip-ts from whatever data a recipe names: what of each step was waiting. The batches are those of
// `clip-ts train`, made ahead while a step is computed.
import { openRunModel, openTrainingBatches, parseConfig, runOptions, startTraining } from "@clip-ts/trainer/training";
import { serve } from "../measure/serve.mjs";
import { startSideEngine } from "./start-side-engine.mjs";

/** Steps at the start of each round that do not count: batches that were made while others had their turn. */
const uncounted = 2;

/**
 * @typedef {object} Step
 * @property {number} dataMs waiting for the batch
 * @property {number} computeMs
 * @property {boolean} isCompiled whether a step of this width came before
 */

/** @param {readonly Step[]} steps */
const total = (steps) => steps.reduce((sum, { dataMs, computeMs }) => sum + dataMs + computeMs, 0);

/** @param {readonly Step[]} steps */
const compiled = (steps) => steps.filter(({ isCompiled }) => isCompiled);

await serve(async ({ recipe, steps, ...engineOptions }) => {
  const engine = await startSideEngine(engineOptions);
  const options = runOptions(parseConfig(recipe, "the benchmark's recipe"));
  const model = await openRunModel(options.model);
  const { active } = await startTraining(options.training, model, { compiler: engine.compiler });
  const batches = await openTrainingBatches(options.data, model.description);
  /** @type {Set<number>} */
  const widths = new Set();
  /** @returns {Promise<Step>} */
  const step = async () => {
    const askedAt = performance.now();
    const batch = await batches.next();
    const startedAt = performance.now();
    const isCompiled = widths.has(batch.tokens);
    widths.add(batch.tokens);
    await active.step(batch);
    return { dataMs: startedAt - askedAt, computeMs: performance.now() - startedAt, isCompiled };
  };
  return {
    facts: { version: engine.detail },
    async run() {
      for (let index = 0; index < uncounted; index++) await step();
      /** @type {Step[]} */
      const taken = [];
      const usedBefore = process.cpuUsage();
      while (taken.length < steps) taken.push(await step());
      const { user, system } = process.cpuUsage(usedBefore);
      return { taken, cpuMilliseconds: (user + system) / 1000 };
    },
    clock: ({ taken }) => total(taken),
    processor: ({ cpuMilliseconds }) => cpuMilliseconds,
    show: (_, { taken }) => compiled(taken),
  };
});
