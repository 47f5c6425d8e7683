import { largestDifference, randomTensor, reference, useEngine } from "@clip-ts/test-utils";
import { afterAll, expect, test } from "vitest";
import { conv2d, conv2dSpec } from "./convolution.ts";
import { normal } from "./spec.ts";

afterAll(() => useEngine("cpu"));

const cases = [
  { side: 5, kernel: 1, stride: 1, padding: 0 },
  { side: 5, kernel: 3, stride: 1, padding: 1 },
  { side: 6, kernel: 3, stride: 2, padding: 1 },
  { side: 8, kernel: 4, stride: 4, padding: 0 },
  { side: 7, kernel: 2, stride: 3, padding: 2 },
];

test.each(cases)(
  "equals the sum over taps: kernel $kernel, stride $stride, padding $padding",
  async ({ side, kernel, stride, padding }) => {
    const [batch, inputs, outputs] = [2, 3, 4];
    const sizes = { batch, side, inputs, outputs, kernel, stride, padding };
    for (const engine of ["cpu", "wasm"] as const) {
      await useEngine(engine);
      const x = randomTensor([batch, side, side, inputs]);
      const weight = randomTensor([outputs, inputs, kernel, kernel], "weight");
      const expected = reference.conv2d(await x.data(), await weight.data(), sizes);
      const actual = await conv2d({ weight }, x, { stride, padding }).data();
      expect(largestDifference(actual, expected), engine).toBeLessThan(1e-5);
    }
  },
);

test("the kernel is kept as checkpoints keep it", () => {
  const { weight } = conv2dSpec(3, 8, { kernel: 5, weight: normal(0.1) });
  expect(weight).toMatchObject({ shape: [8, 3, 5, 5], init: { kind: "normal", std: 0.1 } });
});
