import { valueAndGradient } from "@clip-ts/core";
import { createOptimizer } from "@clip-ts/optim";
import { largestDifference, trainOn, type TrainingSpec } from "@clip-ts/test-utils";
import { add, mul, square, sub, sum, type Tensor } from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { flatLoader, type HostArray, type HostArrays, interpretTarget, type ProgramState } from "@clip-ts/jit";
import { tensorflowLoader } from "./load-tensorflow.ts";
import { folders, hasTensorflow } from "./tensorflow-here.test.ts";

const list = (...values: number[]): HostArray => ({
  data: Float32Array.from(values),
  shape: [values.length],
});

/** Two leaves by AdamW, a third that is not trained, and a count of what was seen. */
function smallTraining(): TrainingSpec {
  const params = { w: list(1, 2, 3), b: list(0.5), frozen: list(2), seen: list(0) };
  const optimizer = createOptimizer({ kind: "adamw", weightDecay: 0.1 }, params);
  return {
    params,
    leaves: { w: { weightDecay: 0.1 }, b: { weightDecay: 0 } },
    slots: optimizer.slots,
    gradient(tree, { x }) {
      const { value, gradient } = valueAndGradient(
        ({ w, b }: { w: Tensor; b: Tensor }) => {
          const scaled = mul(mul(w, x as Tensor), tree["frozen"] as Tensor);
          return { loss: sum(square(sub(scaled, b))) };
        },
        { w: tree["w"] as Tensor, b: tree["b"] as Tensor },
      );
      const seen = add(tree["seen"] as Tensor, sum(x as Tensor));
      return { loss: value, grads: gradient as never, statistics: { seen } };
    },
    update: ({ settings, ...leaf }) =>
      optimizer.updateLeaf({
        ...leaf,
        scalars: leaf.scalars as never,
        weightDecay: settings["weightDecay"] as number,
        multiplier: 1,
      }),
    maxNorm: 1,
  };
}

describe.skipIf(!hasTensorflow)("training on TensorFlow", () => {
  const scalars = { learningRate: 0.1, stepSize: 0.1 / (1 - 0.9), secondRoot: Math.sqrt(1 - 0.98) };
  const numbers = (array: HostArray | undefined): number[] => Array.from(array?.data ?? []);

  test("every step, shape of batch and moment is as with the interpreted program", async () => {
    const ours = await trainOn(tensorflowLoader({ folders }), smallTraining());
    const theirs = await trainOn(flatLoader(interpretTarget), smallTraining());
    const one = { data: Float32Array.of(1, -1, 2), shape: [1, 3] };
    const two = { data: Float32Array.of(1, 0, 2, -1, 1, 1), shape: [2, 3] };
    for (const x of [one, two, one]) {
      const [actual, expected] = [await ours.run({ x }, scalars), await theirs.run({ x }, scalars)];
      expect(Object.keys(actual).toSorted()).toEqual(Object.keys(expected).toSorted());
      for (const [name, value] of Object.entries(expected)) {
        expect(Math.abs((actual[name] ?? 0) / value - 1), name).toBeLessThan(1e-5);
      }
    }
    const [actual, expected] = [await ours.readState(), await theirs.readState()];
    for (const tree of ["params", "first", "second"] as const) {
      const pick = (state: Pick<ProgramState, "params" | "slots">): HostArrays =>
        (tree === "params" ? state.params : state.slots[tree]) as HostArrays;
      for (const [path, array] of Object.entries(pick(expected))) {
        const difference = largestDifference(pick(actual)[path]?.data as Float32Array, array.data as Float32Array);
        expect(difference, `${tree} ${path}`).toBeLessThan(1e-5);
      }
    }
    await ours.dispose();
    await theirs.dispose();
  });

  test("a step whose loss is not finite changes nothing, and state can be put back", async () => {
    const program = await trainOn(tensorflowLoader({ folders }), smallTraining());
    const good = list(1, 1, 1);
    const { loss } = await program.run({ x: list(1, Number.NaN, 1) }, scalars);
    expect(loss).toBeNaN();
    const { params } = await program.readState();
    expect([numbers(params["w"]), numbers(params["b"])]).toEqual([[1, 2, 3], [0.5]]);
    const first = await program.run({ x: good }, scalars);
    const moved = await program.readState();
    expect(numbers(moved.params["w"])).not.toEqual([1, 2, 3]);
    expect(numbers(moved.params["frozen"])).toEqual([2]);
    await program.writeState({ params: { w: list(1, 2, 3), b: list(0.5) } });
    expect(await program.run({ x: good }, scalars)).toEqual(first);
    await program.dispose();
  });
});
