import { expect, test } from "vitest";
import { clipStatistics, usualPreprocess } from "./preprocess-config.ts";

test("CLIPA is squashed, with ImageNet's statistics, as open_clip says beside its weights; CLIP is not", () => {
  const clipa = { imageSize: 224, preNorm: false, pooling: "mean" };
  expect(usualPreprocess({ vision: clipa })).toMatchObject({
    size: 224,
    resize: "squash",
    interpolation: "bilinear",
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
  });
  for (const other of [{ ...clipa, preNorm: undefined }, { imageSize: 224 }, { ...clipa, pooling: undefined }]) {
    expect(usualPreprocess({ vision: other })).toMatchObject({ resize: "shortest", ...clipStatistics });
  }
});

test("images of two sides keep them", () => {
  expect(usualPreprocess({ vision: { imageSize: [240, 320] } })).toMatchObject({ size: [240, 320] });
});
