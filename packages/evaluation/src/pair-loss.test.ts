import type { FeatureRows } from "@clip-ts/core";
import { goldenArrays } from "@clip-ts/test-utils";
import { expect, test } from "vitest";
import { pairLoss } from "./pair-loss.ts";

const cases = goldenArrays("loss/cases.safetensors");
const single = (name: string): number => cases[name]?.values[0] ?? Number.NaN;

/** Unit rows of what PyTorch's losses were given. */
function rowsOf(name: string): FeatureRows {
  const { shape, values } = cases[name] ?? { shape: [0, 0], values: [] };
  const [rows = 0, dim = 0] = shape;
  const unit = new Float32Array(rows * dim);
  for (let row = 0; row < rows; row++) {
    const length = Math.hypot(...values.slice(row * dim, (row + 1) * dim));
    for (let at = row * dim; at < (row + 1) * dim; at++) unit[at] = (values[at] ?? Number.NaN) / length;
  }
  return { values: unit, rows, dim };
}
const [images, texts] = [rowsOf("image"), rowsOf("text")];
const logitScale = single("scale");

test("the losses of one batch are PyTorch's", () => {
  expect(pairLoss(images, texts, { batchSize: 9, logitScale })).toBeCloseTo(single("clip"), 5);
  const logitBias = single("bias");
  expect(pairLoss(images, texts, { batchSize: 100, logitScale, logitBias })).toBeCloseTo(single("siglip"), 4);
});

test("batches count by their pairs, the last with what is left, as open_clip's validation has it", () => {
  const part = ({ values, dim }: FeatureRows, start: number, end: number): FeatureRows => ({
    values: values.slice(start * dim, end * dim),
    rows: end - start,
    dim,
  });
  const lossOf = (start: number, end: number): number =>
    pairLoss(part(images, start, end), part(texts, start, end), { batchSize: 9, logitScale });
  const expected = (4 * lossOf(0, 4) + 4 * lossOf(4, 8) + lossOf(8, 9)) / 9;
  expect(pairLoss(images, texts, { batchSize: 4, logitScale })).toBeCloseTo(expected, 12);
  expect(lossOf(8, 9)).toBeCloseTo(0, 12);
});

test("large logits stay finite", () => {
  const loss = pairLoss(images, texts, { batchSize: 9, logitScale: 1e5 });
  expect(Number.isFinite(loss)).toBe(true);
  expect(Number.isFinite(pairLoss(images, texts, { batchSize: 9, logitScale: 1e5, logitBias: -10 }))).toBe(true);
});

test.each([
  [images, { ...texts, rows: 8, values: texts.values.slice(0, 8 * texts.dim) }, 4, /9 images of 12 and 8 texts/],
  [images, texts, 0, /batchSize: expected a whole number of pairs, got 0/],
])("what is no pair is refused", (some, others, batchSize, message) => {
  expect(() => pairLoss(some, others, { batchSize, logitScale })).toThrow(message);
});
