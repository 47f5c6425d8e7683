import { largestDifference, randomTensor, reference } from "@clip-ts/test-utils";
import { sum, tensor, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { valueAndGradient } from "./gradient.ts";
import { l2Normalize } from "./layers.ts";

test("divides every row by its length", async () => {
  const x = randomTensor([2, 3, 5], "x", 20);
  const expected = reference.l2Normalize(await x.data(), 5);
  expect(largestDifference(await l2Normalize(x).data(), expected)).toBeLessThan(1e-6);
});

test("a row of zeros stays zero and has a finite gradient", async () => {
  const x = tensor([0, 0, 3, 4], [2, 2]);
  expect(Array.from(await l2Normalize(x).data())).toEqual([0, 0, Math.fround(0.6), Math.fround(0.8)]);
  const { gradient } = valueAndGradient((tree: { x: Tensor }) => ({ loss: sum(l2Normalize(tree.x)) }), { x });
  expect(Array.from(await gradient.x.data()).every(Number.isFinite)).toBe(true);
});
