import { gradientFaults, largestDifference, randomTensor, useEngine, weightedSum } from "@clip-ts/test-utils";
import { tensor, type Tensor } from "@tensorflow/tfjs-core";
import { afterAll, expect, test } from "vitest";
import { averagePool } from "./convolution.ts";

afterAll(() => useEngine("cpu"));

for (const engine of ["cpu", "wasm"] as const) {
  test(`squares become their mean (${engine})`, async () => {
    await useEngine(engine);
    const x = tensor([1, 3, 5, 7, 9, 11, 13, 15], [1, 2, 4, 1]);
    expect(Array.from(await averagePool(x, 2).data())).toEqual([6, 10]);
    const wide = randomTensor([2, 6, 3, 4]);
    expect(averagePool(wide, 3).shape).toEqual([2, 2, 1, 4]);
    expect(largestDifference(await averagePool(wide, 1).data(), await wide.data())).toBe(0);
  });

  test(`the gradient is that of central differences (${engine})`, async () => {
    await useEngine(engine);
    const objective = ({ x }: { x: Tensor }): Tensor => weightedSum(averagePool(x, 2));
    const x = randomTensor([2, 4, 6, 3]);
    expect(await gradientFaults(objective, { x }, { entries: 8 })).toEqual([]);
  });
}
