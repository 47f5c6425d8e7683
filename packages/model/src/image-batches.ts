import { ClipError } from "@clip-ts/base";
import { sizeOf } from "@clip-ts/core";
import { hasOpenSide, shapeOfImages, type PixelForm } from "@clip-ts/vision-encoder";

/** Batches among which images of like length are sought: their inputs are in memory at a time. */
const batchesTogether = 4;

/** Lengths of batches are rounded up to this many tokens of an image, so that an engine meets few shapes. */
const lengthStep = 16;

/** What bounds a batch of images. */
export interface BatchLimits {
  /** The most images. */
  readonly batchSize: number;
  /**
   * The most tokens of images that keep their shape (NaFlex), padding counted: images times the patches to which the
   * longest of them is filled up. A batch then has as many images as fit, `batchSize` at most.
   */
  readonly maxTokens?: number | undefined;
}

/** Limits that were asked for, what is left out or undefined being unbounded. */
export type AskedLimits = { readonly [Key in keyof BatchLimits]?: BatchLimits[Key] | undefined };

/** Inputs that go through a tower together. */
export interface ImageBatch {
  /** Where each row stands among all inputs. */
  readonly items: readonly number[];
  /** [items, ...sides of the form], shorter inputs filled up with zeros. */
  readonly pixels: Float32Array;
}

/** How many images are prepared before batches are made of them. */
export const imagesTogether = (form: PixelForm, batchSize: number): number =>
  hasOpenSide(form) ? batchesTogether * batchSize : batchSize;

/** Numbers of one token of an image, of planes all of them. */
const tokenLength = ({ shape }: PixelForm): number => sizeOf(shape.filter((side) => typeof side === "number"));

/** Tokens to which images of so many are filled up. */
const filledTo = (tokens: number): number => Math.ceil(tokens / lengthStep) * lengthStep;

/** @throws ClipError "bad-argument" for an image that alone is more than a batch may be. */
function checkFits(tokens: number, maxTokens: number): void {
  const filled = filledTo(tokens);
  if (filled <= maxTokens) return;
  throw new ClipError(
    "bad-argument",
    `An image of ${tokens} patches, filled up to ${filled}, is more than a batch may have (maxTokens ${maxTokens}): ` +
      `allow ${filled} or more, or open the model for smaller images.`,
    { data: { tokens, filled, maxTokens } },
  );
}

/**
 * Refuses limits that no batch of images of this form can keep, `longest` being the most tokens of an image where that is
 * known. @throws ClipError "bad-argument"
 */
export function checkLimits({ batchSize = 1, maxTokens }: AskedLimits, form: PixelForm, longest = 1): void {
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new ClipError("bad-argument", `The batch size should be 1 or more, got ${batchSize}.`);
  }
  if (maxTokens === undefined) return;
  if (!hasOpenSide(form)) {
    throw new ClipError(
      "bad-argument",
      "maxTokens is for models whose images have different numbers of patches (NaFlex); those of this model are all " +
        "of one size: bound their number by the batch size.",
      { data: { maxTokens } },
    );
  }
  if (!Number.isSafeInteger(maxTokens) || maxTokens < 1) {
    throw new ClipError("bad-argument", `maxTokens should be a whole number of patches, 1 or more; got ${maxTokens}.`);
  }
  checkFits(longest, maxTokens);
}

/**
 * Which images go together: in the order in which they come where all have one length, else those of like length, so
 * that little of a batch is padding.
 */
function batchesOf(lengths: readonly number[], form: PixelForm, limits: BatchLimits): number[][] {
  const { batchSize, maxTokens = Number.POSITIVE_INFINITY } = limits;
  const order = lengths.map((_, index) => index).toSorted((a, b) => (lengths[a] ?? 0) - (lengths[b] ?? 0));
  const token = tokenLength(form);
  const batches: number[][] = [];
  for (const index of order) {
    const tokens = (lengths[index] ?? 0) / token; // the most so far, since they are in order
    checkFits(tokens, maxTokens);
    const batch = batches.at(-1);
    const fits = batch !== undefined && batch.length < batchSize && (batch.length + 1) * filledTo(tokens) <= maxTokens;
    if (fits) batch.push(index);
    else batches.push([index]);
  }
  return batches;
}

/**
 * Inputs of images as one batch; those that are shorter than the longest are filled up with zeros, which a tower with
 * such a form does not look at. @throws ClipError "bad-shape" for an input that is no image of the form.
 */
function joinImages(inputs: readonly Float32Array[], form: PixelForm): Float32Array {
  for (const input of inputs) shapeOfImages(form, input.length, 1);
  const token = tokenLength(form);
  const longest = Math.max(...inputs.map(({ length }) => length / token));
  const length = token * (hasOpenSide(form) ? filledTo(longest) : longest);
  const pixels = new Float32Array(inputs.length * length);
  inputs.forEach((input, index) => pixels.set(input, index * length));
  return pixels;
}

/**
 * Prepared images in batches within limits, made one after the other. Results belong in the order of `items`.
 * @throws ClipError "bad-shape" for an input that is no image of the form; "bad-argument" for one that alone is more
 * than a batch may be.
 */
export function* imageBatches(
  inputs: readonly Float32Array[],
  form: PixelForm,
  limits: BatchLimits,
): Generator<ImageBatch> {
  const lengths = inputs.map(({ length }) => length);
  for (const items of batchesOf(lengths, form, limits)) {
    yield {
      items,
      pixels: joinImages(
        items.map((item) => inputs[item] as Float32Array),
        form,
      ),
    };
  }
}
