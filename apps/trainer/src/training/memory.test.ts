import { optimize, peakBytes, trace, type InputSpec } from "@clip-ts/jit";
import type { Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { openRunModel } from "../config/model.ts";
import { createObjective } from "./objective.ts";
import { configOf } from "./run-here.test.ts";
import { planTraining } from "./training-plan.ts";

const micro = 32;

/** Bytes of activations that a compiled step holds at its worst moment. */
async function compiledPeak(changes: object, parts: number): Promise<number> {
  const config = configOf("memory", { model: { preset: "tiny" }, ...changes });
  const { description } = await openRunModel(config);
  const plan = planTraining(config, description.config);
  const objective = createObjective(config, plan);
  const leaves = Object.entries(plan.model).map(
    ([path, { shape }]) => [`leaf:${path}`, { shape }] as const,
  );
  const batches = Array.from({ length: parts }, (_, part): [string, InputSpec][] => [
    [parts === 1 ? "pixelValues" : `${part}/pixelValues`, { shape: [micro, 3, 32, 32] }],
    [parts === 1 ? "inputIds" : `${part}/inputIds`, { shape: [micro, 24], dtype: "int32" }],
  ]);
  const inputs: Record<string, InputSpec> = Object.fromEntries([...leaves, ...batches.flat()]);
  const graph = trace((given) => {
    const named = (prefix: string): Record<string, Tensor> =>
      Object.fromEntries(
        Object.entries(given)
          .filter(([name]) => name.startsWith(prefix))
          .map(([name, x]) => [name.slice(prefix.length), x]),
      );
    const batch = Object.entries(given).filter(([name]) => !name.startsWith("leaf:"));
    const { loss, grads } = objective(
      named("leaf:"),
      Object.fromEntries(batch.map(([name, x]) => [name, () => x])),
    );
    return { loss, ...grads };
  }, inputs);
  return peakBytes(optimize(graph));
}

test("compiled, an accumulated step needs less than 1.3 times a micro-batch's memory", async () => {
  const [one, eight] = [await compiledPeak({}, 1), await compiledPeak({ accumulate: 8 }, 8)];
  expect(eight).toBeLessThan(1.3 * one);
});

test("compiled, gradient checkpointing saves memory", async () => {
  const [plain, checkpointed] = [
    await compiledPeak({}, 1),
    await compiledPeak({ gradientCheckpointing: true }, 1),
  ];
  expect(checkpointed).toBeLessThan(plain);
});
