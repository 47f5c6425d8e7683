// @ts-check

/** Values taken of each image; a prime, so that they fall on all rows and columns. */
export const samplesPerImage = 997;

/**
 * Some values of each image, evenly spread: enough to tell whether two sides made the same pixels.
 * @param {readonly ArrayLike<number>[]} images
 * @param {number} [perImage]
 */
export function samplePixels(images, perImage = samplesPerImage) {
  return images.flatMap((values) =>
    Array.from(
      { length: perImage },
      (_, index) => values[Math.floor((index * values.length) / perImage)] ?? Number.NaN,
    ),
  );
}
