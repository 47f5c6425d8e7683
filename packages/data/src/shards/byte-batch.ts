import { ClipError } from "@clip-ts/base";
import { normalizePlanes } from "@clip-ts/image";
import type { Batch, BytePixels } from "../batch.ts";

/** A batch whose pixels are bytes in memory that it is lent, for as long as `isLent`; normalised when that is asked for. */
export function byteBatch(
  parts: Omit<Batch, "pixelValues" | "pixels"> & { readonly pixels: BytePixels },
  isLent: () => boolean,
): Batch {
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
      made ??= normalizePlanes(parts.pixels.data, parts.imageSize ** 2, parts.pixels);
      return made;
    },
  };
}
