import { expect, test } from "vitest";
import { tensorBatches, type NamedArray } from "./tensor-batches.ts";

const images = (value: number, shape = [2, 3, 2, 2]): NamedArray => ({
  shape,
  data: new Float32Array(24).fill(value),
});
const ids = (first: bigint, shape = [2, 4]): NamedArray => ({
  shape,
  data: BigInt64Array.from([first, 1n, 2n, 3n, 4n, 5n, 6n, 7n]),
});
const tensors = {
  "pixel_values.0": images(0.5),
  "input_ids.0": ids(7n),
  "pixel_values.1": images(1.5),
  "input_ids.1": ids(8n),
};

test("batches come in order, again and again, and resume", async () => {
  const stream = tensorBatches({ label: "train", tensors });
  expect(stream.stepsPerEpoch).toBe(2);
  const batches = [await stream.next(), await stream.next(), await stream.next()];
  expect(batches[1]).toEqual({
    pixelValues: new Float32Array(24).fill(1.5),
    inputIds: Int32Array.from([8, 1, 2, 3, 4, 5, 6, 7]),
    batch: 2,
    tokens: 4,
    imageSize: 2,
    keys: ["1:0", "1:1"],
    captions: [],
    epoch: 0,
    index: 1,
  });
  expect(batches[2]).toEqual({ ...batches.at(0), epoch: 1 });
  const resumed = tensorBatches({ label: "train", tensors, restore: { epoch: 0, batch: 1 } });
  expect(await resumed.next()).toEqual(batches[1]);
  expect(stream.cursor()).toEqual({ epoch: 1, batch: 1 });
});

test("a batch is the caller's: changing it changes no later one", async () => {
  const stream = tensorBatches({ label: "train", tensors });
  (await stream.next()).pixelValues.fill(0);
  await stream.next();
  expect((await stream.next()).pixelValues[0]).toBe(0.5);
});

test.each([
  [{}, /expected pixel_values\.N and input_ids\.N .* pixel_values\.0 is missing, found nothing/],
  [{ "pixel_values.0": images(1) }, /input_ids\.0 is missing, found pixel_values\.0/],
  [{ ...tensors, "pixel_values.3": images(1) }, /pixel_values\.2 is missing/],
  [{ ...tensors, "input_ids.1": ids(1n, [8]) }, /input_ids\.1 with 2 axes, found \[8\]/],
  [{ ...tensors, "input_ids.1": ids(1n, [4, 2]) }, /found \[2, 3, 2, 2\] and \[4, 2\]/],
  [{ ...tensors, "pixel_values.1": images(1, [2, 1, 3, 4]) }, /\[2, 1, 3, 4\]/],
])("arrays %# that make no batches are refused", (broken, reason) => {
  expect(() => tensorBatches({ label: "train", tensors: broken })).toThrow(reason);
});

test("parts are rows of the stored batches, by the names that they have there", async () => {
  const whole = await tensorBatches({ label: "train", tensors }).next();
  const parts = await Promise.all(
    [0, 1].map((index) => tensorBatches({ label: "train", tensors, part: { index, of: 2 } }).next()),
  );
  expect(parts.map(({ keys }) => keys)).toEqual([["0:0"], ["0:1"]]);
  expect(parts.flatMap(({ inputIds }) => Array.from(inputIds))).toEqual(Array.from(whole.inputIds));
  expect(parts.map(({ pixelValues, batch }) => [pixelValues.length, batch])).toEqual([
    [12, 1],
    [12, 1],
  ]);
  expect(() => tensorBatches({ label: "train", tensors, part: { index: 0, of: 3 } })).toThrow("at most 2");
});
