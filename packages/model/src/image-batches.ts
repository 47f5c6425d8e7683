import { sizeOf } from "@clip-ts/core";
import { hasOpenSide, shapeOfImages, type PixelForm } from "@clip-ts/vision-encoder";

/** Batches among which images of like length are sought: their inputs are in memory at a time. */
const batchesTogether = 4;

/** Lengths of batches are rounded up to this many rows of an image, so that an engine meets few shapes. */
const lengthStep = 16;

/** How many images are prepared before batches are made of them. */
export const imagesTogether = (form: PixelForm, batchSize: number): number =>
  hasOpenSide(form) ? batchesTogether * batchSize : batchSize;

/**
 * Batches of `batchSize` images, as indices: in the order in which they come where all have one length, else those of
 * like length together, so that little of a batch is padding.
 */
export function batchesOf(lengths: readonly number[], batchSize: number): number[][] {
  const order = lengths.map((_, index) => index).toSorted((a, b) => (lengths[a] ?? 0) - (lengths[b] ?? 0));
  const count = Math.ceil(order.length / batchSize);
  return Array.from({ length: count }, (_, at) => order.slice(at * batchSize, (at + 1) * batchSize));
}

/**
 * Inputs of images as one batch; those that are shorter than the longest are filled up with zeros, which a tower with
 * such a form does not look at. @throws ClipError "bad-shape" for an input that is no image of the form.
 */
export function joinImages(inputs: readonly Float32Array[], form: PixelForm): Float32Array {
  for (const input of inputs) shapeOfImages(form, input.length, 1);
  const row = sizeOf(form.shape.filter((side) => typeof side === "number"));
  const longest = Math.max(...inputs.map(({ length }) => length / row));
  const length = row * (hasOpenSide(form) ? Math.ceil(longest / lengthStep) * lengthStep : longest);
  const pixels = new Float32Array(inputs.length * length);
  inputs.forEach((input, index) => pixels.set(input, index * length));
  return pixels;
}
