import type { Clip } from "@clip-ts/model";
import { tensorsLeftBy } from "@clip-ts/test-utils";
import { afterAll, beforeAll, expect, test } from "vitest";
import { confusionMatrix, shareRight } from "../zero-shot-scores.ts";
import { pickRows } from "../class-rows.ts";
import { evaluateFewShot } from "../few-shot.ts";
import { fitLinearProbe, predictClasses } from "../linear-probe.ts";
import { splitRows, sweepLinearProbe } from "../probe-sweep.ts";
import { embedClasses, type EmbeddedClasses } from "./zero-shot.ts";
import { linearProbe, probeShortage } from "./linear-probe.ts";
import { broken, nanoClip, pixelsOf, readable, skippedBroken } from "./nano-clip.test.ts";

let clip: Clip<Float32Array>;
let [images, others]: EmbeddedClasses[] = [];

/** Classes of so many images each, drawn from a seed on. */
const embedded = (counts: readonly number[], first: number): Promise<EmbeddedClasses> =>
  embedClasses(
    clip,
    counts.map((count, label) => ({
      name: `class ${label}`,
      images: Array.from({ length: count }, (_, seed) => readable(first + seed, label)),
    })),
  );

beforeAll(async () => {
  clip = await nanoClip();
  images = await embedded([10, 10, 10], 0);
  others = await embedded([3, 3, 3], 100);
});
afterAll(() => clip.dispose());

test("images of classes are embedded class by class, unreadable ones left out", async () => {
  const classes = [
    { name: "one", images: [readable(1), broken] },
    { name: "none", images: [broken] },
    { name: "two", images: [readable(2, 1), readable(3, 1)] },
  ];
  const found = await embedClasses(clip, classes);
  const pixels = [pixelsOf(1), pixelsOf(2, 1), pixelsOf(3, 1)];
  expect(found).toEqual({
    features: await clip.embedImages(pixels),
    labels: [0, 2, 2],
    names: ["one", "none", "two"],
    skipped: [skippedBroken, skippedBroken],
  });
});

test("with other images to test: the primitive sweep, fit and few-shot scores", async () => {
  const { kept, heldOut } = splitRows(images!.labels, { share: 0.2 });
  const part = (rows: readonly number[]) => ({
    features: pickRows(images!.features, rows),
    labels: rows.map((row) => images!.labels[row]!),
  });
  const sweep = await sweepLinearProbe(part(kept), part(heldOut));
  const options = { inversePenalty: sweep.inversePenalty, classes: 3 };
  const { features, labels } = images!;
  const probe = await fitLinearProbe(features, labels, { ...options, start: sweep.probe });
  const predicted = await predictClasses(probe, others!.features);

  const found = await linearProbe(images!, { test: others, shots: [2, 1] });
  expect(found).toEqual({
    probe,
    trainRows: 30,
    testRows: 9,
    accuracy: shareRight(predicted, others!.labels),
    inversePenalty: sweep.inversePenalty,
    sweep: sweep.points,
    fewShot: [
      await evaluateFewShot(images!, others!, { shots: 2, ...options }),
      await evaluateFewShot(images!, others!, { shots: 1, ...options }),
    ],
    confusion: confusionMatrix(predicted, others!.labels, 3),
  });
});

test("without them a fifth of each class tests; no tensor is left", async () => {
  const left = await tensorsLeftBy(async () => {
    const found = await linearProbe(images!);
    expect(found).toMatchObject({ trainRows: 24, testRows: 6, fewShot: [] });
    expect(found.confusion.counts.reduce((sum, count) => sum + count)).toBe(6);
  });
  expect(left).toBe(0);
});

test.each([
  [[2, 0, 3], false, [], { kind: "none", label: 1, images: 0, needed: 1 }],
  [[1, 2, 1], false, [], { kind: "classes", label: 1, images: 2, needed: 3 }],
  [[1, 1, 1], true, [], { kind: "classes", label: 0, images: 1, needed: 2 }],
  [[9, 5, 9], false, [4, 5], { kind: "shots", label: 1, images: 4, needed: 5 }],
  [[9, 5, 9], true, [5], undefined],
] as const)("of %j images, tested by others: %j, shots %j: %j", async (counts, hasTest, shots, lack) => {
  const labels = counts.flatMap((count, label) => Array.from({ length: count }, () => label));
  expect(probeShortage(labels, { classes: 3, hasTest, shots })).toEqual(lack);
  if (lack === undefined) return;
  const few = { ...(await embedded(counts, 0)) };
  const refused = linearProbe(few, { shots, ...(hasTest ? { test: others } : {}) });
  const error = { code: "bad-argument", data: lack };
  await expect(refused).rejects.toMatchObject(error);
  await expect(refused).rejects.toThrow(`"class ${lack.label}" has ${lack.images} of the ${lack.needed}`);
});
