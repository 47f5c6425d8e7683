import { embedLabels, simpleTemplates, type Clip } from "@clip-ts/model";
import { tensorsLeftBy } from "@clip-ts/test-utils";
import { afterAll, beforeAll, expect, test } from "vitest";
import { confusionMatrix, evaluateZeroShot } from "../zero-shot-scores.ts";
import { nearestClasses } from "../class-rows.ts";
import { zeroShot, zeroShotConfusion, type ImageClass } from "./zero-shot.ts";
import { broken, nanoClip, pixelsOf, readable, skippedBroken } from "./nano-clip.test.ts";

let clip: Clip<Float32Array>;
beforeAll(async () => {
  clip = await nanoClip();
});
afterAll(() => clip.dispose());

const names = ["dark green", "red", "nothing", "a sea"];
const labels = [0, 0, 1, 1, 1, 3];
const classes: ImageClass<Float32Array>[] = names.map((name, row) => ({
  name,
  images: labels.flatMap((label, seed) => (label === row ? [readable(seed, label)] : [])),
}));

test("scores are the primitive ones of the images and the averaged prompts", async () => {
  const { scores, perClass, images, classifier } = await zeroShot(clip, classes, simpleTemplates);
  const rows = await clip.embedImages(labels.map((label, seed) => pixelsOf(seed, label)));
  const prompts = await embedLabels(clip, names, simpleTemplates);
  const { perClass: unnamed, ...expected } = evaluateZeroShot(rows, prompts, labels);
  expect(scores).toEqual(expected);
  expect(perClass).toEqual(unnamed.map((score, row) => ({ name: names[row], ...score })));
  expect(images).toEqual({ features: rows, labels, names, skipped: [] });
  expect(classifier).toEqual(prompts);
});

test("the confusion counts the nearest class of every image", async () => {
  const left = await tensorsLeftBy(async () => {
    const found = await zeroShot(clip, classes, ["{}"]);
    const nearest = await nearestClasses(found.images.features, found.classifier);
    expect(await zeroShotConfusion(found)).toEqual(confusionMatrix(nearest, labels, 4));
  });
  expect(left).toBe(0);
});

test("an unreadable image is left out and named; the classes may come in time", async () => {
  async function* inTime() {
    yield readable(0, 0);
    yield broken;
    yield readable(1, 0);
  }
  const [dark, ...others] = classes;
  const found = await zeroShot(clip, [{ ...dark!, images: inTime() }, ...others], ["{}"]);
  const whole = await zeroShot(clip, classes, ["{}"]);
  expect(found.images.skipped).toEqual([skippedBroken]);
  expect({ ...found.images, skipped: [] }).toEqual(whole.images);
  expect(found.scores).toEqual(whole.scores);
});

test("without templates, classes or a readable image there is nothing to measure", async () => {
  await expect(zeroShot(clip, classes, [])).rejects.toMatchObject({ code: "bad-argument" });
  const unread = [{ name: "x", images: [broken] }];
  await expect(zeroShot(clip, unread, ["{}"])).rejects.toMatchObject({ code: "bad-data" });
});
