import fc from "fast-check";
import { expect, test } from "vitest";
import { preprocessAtSize } from "./at-size.ts";
import { fitPart, resizedSides } from "./fit.ts";
import { formulaImage } from "./fixtures/formula-image.ts";
import { clipPreprocess, resizeModes, torchvisionPreprocess, type PreprocessConfig } from "./preprocess-config.ts";
import { preprocessToPixels } from "./preprocess.ts";

const side = fc.integer({ min: 1, max: 60 });
const sides = fc.tuple(side, side);
const config: fc.Arbitrary<PreprocessConfig> = fc
  .record({
    size: sides,
    resizeTo: fc.option(sides, { nil: undefined }),
    resize: fc.constantFrom(...resizeModes),
    isTorchvisions: fc.boolean(),
    fill: fc.integer({ min: 0, max: 255 }),
  })
  .map(({ isTorchvisions, resizeTo, ...rest }) => {
    const usual = isTorchvisions ? torchvisionPreprocess(clipPreprocess(1)) : clipPreprocess(1);
    return { ...usual, ...rest, ...(resizeTo && { resizeTo }) };
  });

test("whatever the picture and the fit, the result has its size, and what is kept lies within what was resized", () => {
  fc.assert(
    fc.property(config, sides, (config, [width, height]) => {
      const made = preprocessToPixels(formulaImage(width, height), config);
      expect([made.height, made.width]).toEqual(config.size);
      const { crop, frame, ...whole } = fitPart({ width, height }, config);
      expect(whole).toMatchObject(resizedSides({ width, height }, config));
      const kept = crop ?? { left: 0, top: 0, width: whole.width, height: whole.height };
      expect(kept.left + kept.width).toBeLessThanOrEqual(whole.width);
      expect(kept.top + kept.height).toBeLessThanOrEqual(whole.height);
      if (frame === undefined) return;
      expect(frame.left + kept.width).toBeLessThanOrEqual(frame.width);
      expect(frame.top + kept.height).toBeLessThanOrEqual(frame.height);
    }),
  );
});

test("the longest side fits and the rest is filled on both sides", () => {
  const white = { data: new Uint8Array(3 * 8 * 4).fill(255), width: 8, height: 4, channels: 3 } as const;
  const longest = { ...torchvisionPreprocess(clipPreprocess(8)), resize: "longest", fill: 7 } as const;
  const { data } = preprocessToPixels(white, longest);
  const rows = Array.from({ length: 8 }, (_, row) => new Set(data.subarray(24 * row, 24 * row + 24)));
  expect(rows.map((values) => [...values])).toEqual([[7], [7], [255], [255], [255], [255], [7], [7]]);
});

test("what is resized to more than the size stays as much more at another size", () => {
  const cut = { ...clipPreprocess(224), resizeTo: 256, longestEdge: 448 };
  expect(preprocessAtSize(cut, 448)).toEqual({ ...clipPreprocess(448), resizeTo: 512, longestEdge: 896 });
  expect(preprocessAtSize(cut, [224, 224])).toBe(cut);
  expect(preprocessAtSize(clipPreprocess(224), [112, 224])).toEqual(clipPreprocess([112, 224]));
});
