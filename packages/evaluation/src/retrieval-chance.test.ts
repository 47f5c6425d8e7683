import fc from "fast-check";
import { expect, test } from "vitest";
import { retrievalByChance } from "./retrieval.ts";

/** Rank of the first right answer over every order of the candidates. */
function allRanks(right: number, candidates: number): number[] {
  const ranks: number[] = [];
  const place = (from: number, left: number, first: number): void => {
    if (left === 0) ranks.push(first);
    else for (let at = from; at <= candidates - left; at++) place(at + 1, left - 1, Math.min(first, at + 1));
  };
  place(0, right, Number.POSITIVE_INFINITY);
  return ranks;
}

test("the scores are the means over every order of the candidates", () => {
  const imageOfText = [0, 0, 0, 1, 1, 2, 3, 3, 3, 3, 3, 3];
  const { imageToText } = retrievalByChance(4, imageOfText);
  const byImage = [3, 2, 1, 6].map((right) => allRanks(right, 12));
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const recall = (first: number): number =>
    mean(byImage.map((ranks) => mean(ranks.map((rank) => Number(rank <= first)))));
  expect(imageToText.recallAt1).toBeCloseTo(recall(1), 12);
  expect(imageToText.recallAt5).toBeCloseTo(recall(5), 12);
  expect(imageToText.recallAt10).toBeCloseTo(recall(10), 12);
  expect(imageToText.meanRank).toBeCloseTo(mean(byImage.map(mean)), 12);
  expect(recall(imageToText.medianRank)).toBeGreaterThanOrEqual(0.5);
  expect(recall(imageToText.medianRank - 1)).toBeLessThan(0.5);
  expect(imageToText).toMatchObject({ queries: 4, candidates: 12 });
});

test("one text for each of n images: R@k is k / n, ranks centre on (n + 1) / 2", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), (count) => {
      const texts = Array.from({ length: count }, (_, index) => index);
      const { textToImage, imageToText } = retrievalByChance(count, texts);
      expect(textToImage).toEqual(imageToText);
      expect(textToImage.recallAt1).toBeCloseTo(1 / count, 10);
      expect(textToImage.recallAt5).toBeCloseTo(Math.min(1, 5 / count), 10);
      expect(textToImage.meanRank).toBeCloseTo((count + 1) / 2, 10);
      expect(Math.abs(textToImage.medianRank - (count + 1) / 2)).toBeLessThanOrEqual(1);
    }),
  );
});
