import { largestDifference, randomTensor, useEngine } from "@clip-ts/test-utils";
import { fused, type Tensor, type Tensor2D } from "@tensorflow/tfjs-core";
import { afterAll, expect, test } from "vitest";

afterAll(() => useEngine("cpu"));

type Activation = "linear" | "relu" | "relu6" | "elu" | "sigmoid" | "leakyrelu" | "prelu";

const activations: readonly Activation[] = ["linear", "relu", "relu6", "elu", "sigmoid", "leakyrelu", "prelu"];
const inner = 100; // longer than the 48 at which the original kernel starts adding the bias again

function multiply(
  activation: Activation,
  flags: { batch: number; transposeA: boolean; transposeB: boolean; bias: boolean },
): Tensor {
  const lead = flags.batch === 0 ? [] : [flags.batch];
  const a = randomTensor([...lead, ...(flags.transposeA ? [inner, 4] : [4, inner])], "a", 0.3);
  const b = randomTensor([...lead, ...(flags.transposeB ? [5, inner] : [inner, 5])], "b", 0.3);
  return fused.matMul({
    a: a as Tensor2D,
    b: b as Tensor2D,
    transposeA: flags.transposeA,
    transposeB: flags.transposeB,
    activation,
    ...(flags.bias ? { bias: randomTensor([5], "bias", 2) } : {}),
    ...(activation === "prelu" ? { preluActivationWeights: randomTensor([5], "slopes") } : {}),
    ...(activation === "leakyrelu" ? { leakyreluAlpha: 0.3 } : {}),
  });
}

const flags = [0, 1, 3].flatMap((batch) =>
  [false, true].flatMap((transposeA) =>
    [false, true].flatMap((transposeB) => [false, true].map((bias) => ({ batch, transposeA, transposeB, bias }))),
  ),
);

test.each(activations)("equals cpu for every batch, transpose and bias: %s", async (activation) => {
  for (const flag of flags) {
    await useEngine("cpu");
    const expected = await multiply(activation, flag).data();
    await useEngine("wasm");
    const actual = await multiply(activation, flag).data();
    expect(largestDifference(actual, expected), JSON.stringify(flag)).toBeLessThan(2e-5);
  }
});
