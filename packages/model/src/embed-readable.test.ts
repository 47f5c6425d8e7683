import { expect, test } from "vitest";
import { embedReadable, type ImageJob } from "./embed-readable.ts";
import type { FeatureRows } from "@clip-ts/core";

/** An image is a number here, its feature [number, batch size]: shows rows and batches. */
const clip = {
  embedImages: (images: readonly number[]): Promise<FeatureRows> =>
    Promise.resolve({
      values: Float32Array.from(images.flatMap((image) => [image, images.length])),
      rows: images.length,
      dim: 2,
    }),
};

const readable = (value: number): ImageJob<number> => ({
  name: `${value}.png`,
  load: () => Promise.resolve(value),
});
const broken = (name: string): ImageJob<number> => ({
  name,
  load: () => Promise.reject(new Error(`${name} is cut off`)),
});

test("rows follow the jobs, without the unreadable ones, which are listed", async () => {
  const progress: number[] = [];
  const jobs = [readable(1), broken("a.png"), readable(3), readable(4), broken("b.png")];
  const result = await embedReadable(clip, jobs, {
    batchSize: 2,
    onProgress: (done) => progress.push(done),
  });
  expect(result.kept).toEqual([0, 2, 3]);
  expect(result.skipped).toEqual([
    { name: "a.png", reason: "a.png is cut off" },
    { name: "b.png", reason: "b.png is cut off" },
  ]);
  expect(result.features).toEqual({ values: Float32Array.of(1, 1, 3, 2, 4, 2), rows: 3, dim: 2 });
  expect(progress).toEqual([2, 4, 5]);
});

test("when no image can be read the error counts them and gives a reason", async () => {
  const jobs = [broken("a.png"), broken("b.png")];
  await expect(embedReadable(clip, jobs)).rejects.toThrow("None of 2 images");
  await expect(embedReadable(clip, jobs)).rejects.toThrow("a.png is cut off");
});

test("images that come in time are embedded in batches as those of a list", async () => {
  const jobs = [readable(1), broken("a.png"), readable(3), readable(4)];
  async function* inTime(): AsyncGenerator<ImageJob<number>> {
    for (const job of jobs) yield job;
  }
  const options = { batchSize: 2 };
  expect(await embedReadable(clip, inTime(), options)).toEqual(await embedReadable(clip, jobs, options));
});
