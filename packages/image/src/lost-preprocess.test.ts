import { expect, test } from "vitest";
import { lostPreprocess } from "./preprocessor-files.ts";
import { clipPreprocess, siglipPreprocess, torchvisionPreprocess } from "./preprocess-config.ts";

const own = clipPreprocess(8);
const openai = torchvisionPreprocess(own);

test("nothing is lost on the library that a preprocessing comes from", () => {
  expect(lostPreprocess(own, "transformers")).toEqual([]);
  expect(lostPreprocess(openai, "open_clip")).toEqual([]);
  expect(lostPreprocess(openai, "others")).toEqual([]);
});

test("each step that the other library does otherwise is named", () => {
  expect(lostPreprocess(openai, "transformers")).toEqual([
    expect.stringMatching(/^transformers makes RGB before the resize, this model after it/u),
    expect.stringMatching(/transformers takes the pixel before, this model the even pixel/u),
  ]);
  expect(lostPreprocess(own, "open_clip")).toEqual([
    expect.stringMatching(/^open_clip makes RGB after the resize, this model before it/u),
    expect.stringMatching(/open_clip takes the even pixel, this model the pixel before/u),
  ]);
});

test("squashed pictures have no middle", () => {
  const squash = torchvisionPreprocess(siglipPreprocess(8));
  expect(lostPreprocess(squash, "transformers")).toEqual([expect.stringContaining("clip_ts.convert_rgb")]);
});

test.each(["transformers", "open_clip", "others"] as const)("%s knows no background", (reader) => {
  const sentences = lostPreprocess({ ...openai, alpha: [255, 255, 0] }, reader);
  expect(sentences[0]).toContain("over the background 255 255 0 (clip_ts.alpha)");
});
