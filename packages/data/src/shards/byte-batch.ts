import { ClipError } from "@clip-ts/base";
import {
  areaOf,
  inputBytes,
  inputLength,
  inputShape,
  joinInputs,
  normalizeInput,
  normalizePlanes,
  type PatchesConfig,
} from "@clip-ts/image";
import type { Batch, BytePixels } from "../batch.ts";

type ByteParts = Omit<Batch, "pixelValues" | "pixels"> & { readonly pixels: BytePixels };

/** A batch whose bytes are rows of patches: they are normalised at once, as many of each image as any may have. */
export const patchBatch =
  (config: PatchesConfig) =>
  ({ pixels: { data, mean, std }, ...parts }: ByteParts): Batch => {
    const length = inputBytes(config);
    const images = Array.from({ length: parts.batch }, (_, row) =>
      normalizeInput(data.subarray(row * length, (row + 1) * length), { ...config, mean, std }),
    );
    const [, ...pixelShape] = inputShape(config, parts.batch);
    return { ...parts, pixelShape, pixelValues: joinInputs(images, inputLength(config)) };
  };

/** A batch whose pixels are bytes in memory that it is lent, for as long as `isLent`; normalised when that is asked for. */
export function byteBatch(parts: ByteParts, isLent: () => boolean): Batch {
  let made: Float32Array | undefined;
  return {
    ...parts,
    get pixelValues(): Float32Array {
      if (made === undefined && !isLent()) {
        throw new ClipError(
          "disposed",
          "the batch's pixels were given back when the next batch was asked for; read them before that",
        );
      }
      made ??= normalizePlanes(parts.pixels.data, areaOf(parts.imageSize), parts.pixels);
      return made;
    },
  };
}
