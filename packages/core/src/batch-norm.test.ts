import {
  gradientFaults,
  largestDifference,
  randomTensor,
  reference,
  tensorsLeftBy,
  weightedSum,
} from "@clip-ts/test-utils";
import { abs, add, dispose, tidy, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import {
  batchNorm,
  batchNormSpec,
  batchNormStatisticsSpec,
  batchNormTraining,
  isStatistic,
  type BatchNormParams,
  type BatchNormStatistics,
} from "./batch-norm.ts";
import { initParams, zeros } from "./spec.ts";

const channels = 4;
const params = {
  weight: randomTensor([channels], "gain"),
  bias: randomTensor([channels], "shift"),
};
const statistics = {
  running_mean: randomTensor([channels], "mean"),
  running_var: add(abs(randomTensor([channels], "variance")), 0.2),
};
const x = randomTensor([3, 2, 2, channels]);

/** (x - mean) / √(variance + 1e-5) · weight + bias. */
async function normalized(mean: ArrayLike<number>, variance: ArrayLike<number>): Promise<number[]> {
  const [gain, shift] = [await params.weight.data(), await params.bias.data()];
  return Array.from(await x.data(), (value, index) => {
    const channel = index % channels;
    const spread = Math.sqrt((variance[channel] as number) + 1e-5);
    return ((value - (mean[channel] as number)) / spread) * gain[channel]! + shift[channel]!;
  });
}

test("evaluation uses the running statistics", async () => {
  const { running_mean, running_var } = statistics;
  const expected = await normalized(await running_mean.data(), await running_var.data());
  const actual = await batchNorm(params, statistics, x).data();
  expect(largestDifference(actual, expected)).toBeLessThan(2e-6);
});

test("training normalises by the batch and blends its unbiased variance in", async () => {
  const batch = reference.channelStatistics(await x.data(), channels);
  const { y, statistics: after } = batchNormTraining(params, statistics, x);
  expect(largestDifference(await y.data(), await normalized(batch.mean, batch.variance))).toBeLessThan(2e-6);

  const blend = (before: ArrayLike<number>, fresh: readonly number[]): number[] =>
    Array.from(before, (value, channel) => 0.9 * value + 0.1 * fresh[channel]!);
  const unbiased = batch.variance.map((variance) => (variance * 12) / 11);
  const means = blend(await statistics.running_mean.data(), batch.mean);
  const variances = blend(await statistics.running_var.data(), unbiased);
  expect(largestDifference(await after.running_mean.data(), means)).toBeLessThan(1e-6);
  expect(largestDifference(await after.running_var.data(), variances)).toBeLessThan(1e-6);
});

test("a batch of one value keeps the variance finite", async () => {
  const one = randomTensor([1, channels], "one");
  const { statistics: after } = batchNormTraining(params, statistics, one);
  expect(Array.from(await after.running_var.data()).every(Number.isFinite)).toBe(true);
});

test("starts as the identity on standard data, or silent with gain 0", async () => {
  const fresh = initParams(batchNormSpec(channels), 0) as BatchNormParams;
  const start = initParams(batchNormStatisticsSpec(channels), 0) as BatchNormStatistics;
  const same = await batchNorm(fresh, start, x).data();
  expect(largestDifference(same, await x.data())).toBeLessThan(1e-4);
  const silent = initParams(batchNormSpec(channels, zeros), 0) as BatchNormParams;
  expect(new Set(await batchNorm(silent, start, x).data())).toEqual(new Set([0]));
  dispose([fresh, start, silent].flatMap((tree) => Object.values(tree) as Tensor[]));
});

test.each([false, true])("gradients are those of central differences (training %s)", async (training) => {
  const objective = (tree: { x: Tensor; params: BatchNormParams }): Tensor =>
    weightedSum(
      training ? batchNormTraining(tree.params, statistics, tree.x).y : batchNorm(tree.params, statistics, tree.x),
    );
  expect(await gradientFaults(objective, { x, params }, { entries: 6, step: 5e-3 })).toEqual([]);
});

test("a statistic is told by its role", () => {
  const [norm, running] = [batchNormSpec(2), batchNormStatisticsSpec(2)];
  expect([running.running_mean, running.running_var, norm.weight].map(isStatistic)).toEqual([true, true, false]);
});

test("training leaves only its results behind", async () => {
  expect(
    await tensorsLeftBy(() =>
      tidy(() => {
        const { y, statistics: next } = batchNormTraining(params, statistics, x);
        return { y, ...next };
      }),
    ),
  ).toBe(3);
});
