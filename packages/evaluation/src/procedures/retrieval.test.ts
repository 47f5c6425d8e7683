import { afterAll, beforeAll, expect, test } from "vitest";
import { tensorsLeftBy } from "@clip-ts/test-utils";
import type { Clip } from "@clip-ts/model";
import { diagnose } from "../diagnostics.ts";
import { evaluateRetrieval, retrievalByChance } from "../retrieval.ts";
import { broken, nanoClip, pixelsOf, readable, skippedBroken } from "./nano-clip.test.ts";
import { pairDiagnostics, retrieval, type CaptionedImage } from "./retrieval.ts";

let clip: Clip<Float32Array>;
beforeAll(async () => {
  clip = await nanoClip();
});
afterAll(() => clip.dispose());

const captions = [["red", "quite red"], ["green"], ["blue", "navy", "deep sea"], ["grey"], ["red"]];
const pairs: CaptionedImage<Float32Array>[] = captions.map((own, seed) => ({
  ...readable(seed),
  captions: own,
}));
const withBroken = [...pairs.slice(0, 2), { ...broken, captions: ["never seen"] }, ...pairs.slice(2)];

test("every caption of every image is searched: the primitive scores of the same rows", async () => {
  const found = await retrieval(clip, pairs);
  const images = await clip.embedImages(captions.map((_, seed) => pixelsOf(seed)));
  const texts = await clip.embedTexts(captions.flat());
  const links = captions.flatMap((own, image) => own.map(() => image));
  const report = evaluateRetrieval(images, texts, links);
  const [left, right] = [report.imageToText.recallAt1, report.textToImage.recallAt1];
  expect(found).toEqual({
    report,
    chance: retrievalByChance(5, links),
    meanRecallAt1: (left + right) / 2,
    images,
    texts,
    imageOfText: links,
    kept: [0, 1, 2, 3, 4],
    skipped: [],
  });
});

test("with first captions alone, every image has one text", async () => {
  const { texts, imageOfText, report } = await retrieval(clip, pairs, { captions: "first" });
  const firsts = captions.map(([own = ""]) => own);
  expect(texts).toEqual(await clip.embedTexts(firsts));
  expect(imageOfText).toEqual([0, 1, 2, 3, 4]);
  expect(report.imageToText.candidates).toBe(5);
});

test("an unreadable image is left out with its captions and named; its neighbours keep theirs", async () => {
  const heard: number[] = [];
  const found = await retrieval(clip, withBroken, {
    batchSize: 2,
    onProgress: (done) => heard.push(done),
  });
  const { kept, skipped, ...rows } = found;
  const { kept: _kept, skipped: _skipped, ...whole } = await retrieval(clip, pairs);
  expect(rows.imageOfText).toEqual(whole.imageOfText);
  expect(rows.report).toEqual(whole.report);
  expect({ kept, skipped }).toEqual({ kept: [0, 1, 3, 4, 5], skipped: [skippedBroken] });
  expect(heard).toEqual([2, 4, 6]);
  const refuse = (): never => {
    throw new Error("one too many");
  };
  await expect(retrieval(clip, withBroken, { onSkip: refuse })).rejects.toThrow("one too many");
});

test("pairs may come in time, are borrowed, and leave no tensor", async () => {
  async function* inTime(): AsyncGenerator<CaptionedImage<Float32Array>> {
    for (const pair of pairs) yield await Promise.resolve(pair);
  }
  const whole = await retrieval(clip, pairs);
  const left = await tensorsLeftBy(async () => {
    expect(await retrieval(clip, inTime())).toEqual(whole);
  });
  expect(left).toBe(0);
});

test("the geometry is that of every image and its first caption", async () => {
  const all = await retrieval(clip, pairs);
  const first = await retrieval(clip, pairs, { captions: "first" });
  expect(pairDiagnostics(all)).toEqual(diagnose(first.images, first.texts));
});

test("an image without captions is refused", async () => {
  const silent = [...pairs, { ...readable(9), captions: [] }];
  await expect(retrieval(clip, silent)).rejects.toMatchObject({ code: "bad-argument" });
});
