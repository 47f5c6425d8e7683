import { expect, test } from "vitest";
import { pairArrays, type Batch } from "./batch.ts";

const place = { batch: 2, tokens: 3, imageSize: 2, keys: ["a", "b"], captions: ["a", "b"], epoch: 0, index: 0 };
const inputIds = Int32Array.of(1, 2, 3, 4, 5, 6);

test("numbers come as they lie in the batch", () => {
  const pixelValues = new Float32Array(24);
  const arrays = pairArrays({ ...place, pixelValues, inputIds });
  expect(arrays).toEqual({
    pixelValues: { data: pixelValues, shape: [2, 3, 2, 2] },
    inputIds: { data: inputIds, shape: [2, 3] },
  });
  expect(arrays.pixelValues.data).toBe(pixelValues);
});

test("bytes come as they lie, with what they are normalised by in each row; no numbers are made of them", () => {
  const data = new Uint8ClampedArray(24).fill(9);
  const batch: Batch = {
    ...place,
    inputIds,
    pixels: { data, mean: [0.5, 0.25, 0.125], std: [1, 2, 4] },
    get pixelValues(): Float32Array {
      throw new Error("made");
    },
  };
  const arrays = pairArrays(batch);
  expect(arrays.pixelValues.data).toBe(data);
  expect(arrays).toEqual({
    pixelValues: { data, shape: [2, 3, 2, 2] },
    inputIds: { data: inputIds, shape: [2, 3] },
    pixelMean: { data: Float32Array.of(0.5, 0.25, 0.125, 0.5, 0.25, 0.125), shape: [2, 3] },
    pixelStd: { data: Float32Array.of(1, 2, 4, 1, 2, 4), shape: [2, 3] },
  });
});
