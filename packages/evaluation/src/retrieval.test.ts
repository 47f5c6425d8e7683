import { scoresOf, type FeatureRows } from "@clip-ts/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { evaluateRetrieval } from "./retrieval.ts";

/** Features whose dot products are the given scores [images, texts]. */
function featuresOf(scores: readonly (readonly number[])[]): [FeatureRows, FeatureRows] {
  const dim = scores.length;
  const texts = scores[0]!.length;
  const images = Float32Array.from({ length: dim * dim }, (_, index) => (index % (dim + 1) === 0 ? 1 : 0));
  const columns = Float32Array.from(
    { length: texts * dim },
    (_, index) => scores[index % dim]![Math.floor(index / dim)]!,
  );
  return [
    { values: images, rows: dim, dim },
    { values: columns, rows: texts, dim },
  ];
}

// Two texts for each image.
const pairsOfTexts = [0, 0, 1, 1, 2, 2, 3, 3];
const scores = [
  [9, 1, 3, 3, 3, 2, 5, 6],
  [2, 2, 8, 2, 2, 3, 4, 5],
  [6, 7, 2, 3.5, 5, 1, 2, 2],
  [2, 3, 4, 4, 3, 4, 1, 0.5],
];

test("scores are dot products of one row with every candidate", () => {
  const [images, texts] = featuresOf(scores);
  expect(Array.from(scoresOf(images, 2, texts))).toEqual(scores[2]);
  expect(Array.from(scoresOf(texts, 3, images))).toEqual([3, 2, 3.5, 4]);
});

test("four images with two texts each: recall and ranks counted by hand", () => {
  const [images, texts] = featuresOf(scores);
  expect(evaluateRetrieval(images, texts, pairsOfTexts)).toEqual({
    imageToText: {
      recallAt1: 0.5,
      recallAt5: 0.75,
      recallAt10: 1,
      meanRank: 3, // 1, 1, 3, 7
      medianRank: 2,
      queries: 4,
      candidates: 8,
    },
    textToImage: {
      recallAt1: 0.375,
      recallAt5: 1,
      recallAt10: 1,
      meanRank: 2.875, // 1, 4, 1, 4, 1, 4, 4, 4
      medianRank: 4,
      queries: 8,
      candidates: 4,
    },
  });
});

test("a model that gives everything one score ranks in the middle, not first", () => {
  const size = 21;
  const same = Array.from({ length: size }, () => Array.from({ length: size }, () => 0.5));
  const [images, texts] = featuresOf(same);
  const own = Array.from({ length: size }, (_, index) => index);
  const { imageToText, textToImage } = evaluateRetrieval(images, texts, own);
  expect(imageToText).toMatchObject({ recallAt1: 0, recallAt10: 0, meanRank: 11, medianRank: 11 });
  expect(textToImage).toEqual(imageToText);
});

test("a model that gives NaN ranks last, not first", () => {
  const [images, texts] = featuresOf([
    [1, 2],
    [3, 4],
  ]);
  const broken = { ...texts, values: texts.values.map(() => Number.NaN) };
  const { imageToText } = evaluateRetrieval(images, broken, [0, 1]);
  expect(imageToText).toMatchObject({ recallAt1: 0, meanRank: 2 });
});

/** Average of the best and the worst place the best right answer can take among equals. */
function naiveRank(row: readonly number[], isRight: readonly boolean[]): number {
  const order = row.map((score, candidate) => ({ score, right: isRight[candidate] ?? false }));
  const placeOf = (rightFirst: boolean): number =>
    order
      .toSorted((a, b) => b.score - a.score || (Number(b.right) - Number(a.right)) * (rightFirst ? 1 : -1))
      .findIndex(({ right }) => right) + 1;
  return (placeOf(true) + placeOf(false)) / 2;
}

const cases = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 3 })).chain(([images, textsEach]) =>
  fc.record({
    images: fc.constant(images),
    textsEach: fc.constant(textsEach),
    scores: fc.array(
      fc.array(fc.integer({ min: -3, max: 3 }), {
        minLength: images * textsEach,
        maxLength: images * textsEach,
      }),
      { minLength: images, maxLength: images },
    ),
  }),
);

test("recall, mean and median equal those of sorting every row", () => {
  fc.assert(
    fc.property(cases, ({ images, textsEach, scores }) => {
      const links = Array.from({ length: images * textsEach }, (_, text) => text % images);
      const [imageRows, textRows] = featuresOf(scores);
      const report = evaluateRetrieval(imageRows, textRows, links);
      const ranks = scores.map((row, image) =>
        naiveRank(
          row,
          links.map((link) => link === image),
        ),
      );
      const best = (k: number): number => ranks.filter((rank) => rank <= k).length / images;
      const sorted = ranks.toSorted((a, b) => a - b);
      const middle = [sorted[Math.floor((images - 1) / 2)]!, sorted[Math.floor(images / 2)]!];
      expect(report.imageToText).toMatchObject({
        recallAt1: best(1),
        recallAt5: best(5),
        recallAt10: best(10),
        meanRank: ranks.reduce((sum, rank) => sum + rank, 0) / images,
        medianRank: (middle[0]! + middle[1]!) / 2,
      });
      const textRanks = links.map((link, text) =>
        naiveRank(
          scores.map((row) => row[text]!),
          scores.map((_, image) => image === link),
        ),
      );
      expect(report.textToImage.meanRank).toBeCloseTo(
        textRanks.reduce((sum, rank) => sum + rank, 0) / textRanks.length,
        10,
      );
    }),
  );
});

test.each([
  { why: "an image without a text", links: [0, 0], message: "Image 1 has no text" },
  { why: "a text of no image", links: [0, 1, 2], message: "does not exist" },
  { why: "too few links", links: [0], message: "the image of every text" },
])("$why is refused", ({ links, message }) => {
  const texts = links.length === 3 ? 3 : 2;
  const [images, rows] = featuresOf([[1, 2, 3].slice(0, texts), [3, 4, 5].slice(0, texts)]);
  expect(() => evaluateRetrieval(images, rows, links)).toThrow(message);
});

test("features of two lengths are refused", () => {
  const images = { values: new Float32Array(3), rows: 1, dim: 3 };
  const texts = { values: new Float32Array(4), rows: 1, dim: 4 };
  expect(() => evaluateRetrieval(images, texts, [0])).toThrow("1 images of 3, 1 texts of 4");
});
