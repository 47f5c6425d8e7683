import { initHostParams } from "@clip-ts/core";
import type { Target } from "@clip-ts/jit";
import { clipSpec, preset } from "@clip-ts/model";
import { startEngine, type Compiler } from "@clip-ts/engines";
import { tensorsLeftBy } from "@clip-ts/test-utils";
import type { TrainedModels } from "@clip-ts/training";
import { expect, test } from "vitest";
import { openRunModel } from "../../config/model.ts";
import { openEvaluation, type Evaluation } from "./evaluation.ts";
import { configOf } from "./run-here.test.ts";

/** Evaluates models in turn, with what was compiled by the end of each and freed by the end of all. */
async function evaluateInOrder(makers: readonly (() => TrainedModels)[], target: Target) {
  let [made, freed] = [0, 0];
  const counting: Target = async (graph, use) => {
    made += 1;
    const compiled = await target(graph, use);
    const free = (): Promise<void> => {
      freed += 1;
      return compiled.dispose();
    };
    return { ...compiled, dispose: free };
  };
  const config = configOf("evaluated", {
    ema: { decay: 0.9 },
    evaluate: { every: 1, ema: true, retrieval: { data: { kind: "synthetic", count: 24 } } },
  });
  const { description } = await openRunModel(config.model);
  const found: { readonly evaluation: Evaluation; readonly made: number }[] = [];
  const left = await tensorsLeftBy(async () => {
    const evaluator = await openEvaluation(config.evaluation, description, { compiler: { target: counting } });
    if (evaluator === undefined) throw new Error("the config evaluates");
    for (const make of makers) {
      const models = make();
      found.push({ evaluation: await evaluator.evaluate(models), made });
    }
    evaluator.dispose();
    await Promise.resolve();
  });
  return { found, left, freed };
}

const drawn = (seed: number): TrainedModels["model"] => initHostParams(clipSpec(preset("nano")), seed);
const makerOf = (seed: number) => (): TrainedModels => ({
  model: drawn(seed),
  ema: drawn(seed + 1),
});
const [one, other] = [makerOf(1), makerOf(2)];

test("all evaluations of a run share towers compiled once, each with its own weights", async () => {
  const { compiler } = await startEngine("onnx");
  const { target } = compiler as Compiler;
  const { found, left, freed } = await evaluateInOrder([one, other, one], target);
  const [made = 0, ...madeLater] = found.map((each) => each.made);
  expect(made).toBeGreaterThan(1);
  expect(madeLater).toEqual([made, made]);
  expect({ left, freed }).toEqual({ left: 0, freed: made });

  const evaluations = found.map(({ evaluation }) => evaluation);
  const alone = await evaluateInOrder([other], target);
  expect(evaluations[2]).toEqual(evaluations[0]);
  expect(evaluations[1]).not.toEqual(evaluations[0]);
  expect(evaluations[1]).toEqual(alone.found[0]?.evaluation);
});
