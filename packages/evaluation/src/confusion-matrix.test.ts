import { expect, test } from "vitest";
import { confusionMatrix, shareRight, worstConfusions } from "./zero-shot-scores.ts";

const right = [0, 0, 0, 1, 1, 2];
const predicted = [0, 1, 1, 1, 2, 2];

test("rows are the truth, columns the guess", () => {
  const matrix = confusionMatrix(predicted, right, 3);
  expect(Array.from(matrix.counts)).toEqual([1, 2, 0, 0, 1, 1, 0, 0, 1]);
  expect(worstConfusions(matrix, 5)).toEqual([
    { right: 0, predicted: 1, count: 2 },
    { right: 1, predicted: 2, count: 1 },
  ]);
  expect(worstConfusions(matrix, 1)).toHaveLength(1);
  expect(shareRight(predicted, right)).toBe(0.5);
});

test.each([
  { guess: [0, 3], truth: [0, 0] },
  { guess: [0], truth: [0, 0] },
  { guess: [0, 0.5], truth: [0, 0] },
])("$guess for $truth is refused", ({ guess, truth }) => {
  expect(() => confusionMatrix(guess, truth, 3)).toThrow(/two lists of one length of classes below 3/u);
});
