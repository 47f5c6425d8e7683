import { ClipError } from "@clip-ts/base";
import { dtypeOf, type HostArrays } from "@clip-ts/core";
import { div, maximum, reshape, sub, type Tensor } from "@tensorflow/tfjs-core";
import type { PairInputs } from "../pairs.ts";

/** Names of what turns pixels from 0 to 255 into what a tower sees. */
const statistics = ["pixelMean", "pixelStd"] as const;

function refuseHalf(given: Readonly<Record<string, unknown>>): void {
  const [has, lacks] = [statistics.find((name) => given[name]), statistics.find((name) => !given[name])];
  if (has === undefined || lacks === undefined) return;
  throw new ClipError("bad-argument", `The batch has "${has}" but no "${lacks}": pixels are normalised by both.`);
}

/** [batch, channels] as a column beside rows of pixels. */
const column = (x: Tensor): Tensor => reshape(x, [...x.shape, 1]);

/**
 * 255, which a mean of values from 0 to 1 never exceeds, in the mean's shape. TensorFlow multiplies by the reciprocal
 * of a divisor that it knows beforehand, which is not the same to the last bit; this one it cannot know.
 */
const unforeseen255 = (mean: Tensor): Tensor => maximum(mean, 255);

/**
 * The pixels as the vision tower sees them. Those that come with mean and standard deviation are numbers from 0 to
 * 255: (x / 255 - mean) / std, each step rounded to float32, the numbers of `normalize` of `@clip-ts/image`.
 */
export function normalizedPixels({ pixelValues, pixelMean, pixelStd }: Omit<PairInputs, "inputIds">): Tensor {
  refuseHalf({ pixelMean, pixelStd });
  if (pixelMean === undefined || pixelStd === undefined) return pixelValues;
  const { shape } = pixelValues;
  const [planes, mean, std] = [reshape(pixelValues, [...shape.slice(0, 2), -1]), column(pixelMean), column(pixelStd)];
  return reshape(div(sub(div(planes, unforeseen255(mean)), mean), std), shape);
}

/**
 * Checks, where arrays come in, that bytes of pixels can be normalised; in a graph they are numbers like others.
 * @throws ClipError "bad-argument" for those without mean and standard deviation, or of truth values.
 */
export function checkPixels(batch: HostArrays): void {
  refuseHalf(batch);
  const { pixelValues, pixelMean } = batch;
  const dtype = pixelValues && dtypeOf(pixelValues);
  if (dtype === "bool") {
    throw new ClipError(
      "bad-argument",
      `"pixelValues" is a Uint8Array, which holds truth values: bytes of pixels are a Uint8ClampedArray, and come ` +
        `with "pixelMean" and "pixelStd".`,
    );
  }
  if (dtype !== "uint8" || pixelMean !== undefined) return;
  throw new ClipError(
    "bad-argument",
    `"pixelValues" holds bytes, which a step normalises: give the batch "pixelMean" and "pixelStd" too, [batch, 3] ` +
      `each, as pairArrays of @clip-ts/data does, or normalised pixels as a Float32Array.`,
  );
}
