import { inputBytes, inputLength, joinInputs, normalizeInput } from "@clip-ts/image";
import type { Embedder } from "@clip-ts/model";
import type { ModelDescription } from "./model.ts";

/** Bytes of images before normalising, rows of `inputBytes` of `@clip-ts/image`, to unit rows [rows, joint], which the caller owns. */
export type BytesEmbedder = (pixels: Uint8ClampedArray, rows: number) => Promise<Float32Array>;

/** What `bytesEmbedder` takes. */
export interface BytesEmbedderParts {
  readonly description: Pick<ModelDescription, "preprocess" | "config">;
  readonly embedder: Pick<Embedder, "images">;
  /** Rows that every batch is filled up to with zeros: for engines that compile for every shape. */
  readonly filledTo?: number | undefined;
}

/**
 * Embeds images as threads that decode leave them. Of rows of patches a batch is as long as its longest image, or, where
 * it is filled up, as long as any may be. One batch at a time: its memory is used again.
 */
export function bytesEmbedder({ description, embedder, filledTo }: BytesEmbedderParts): BytesEmbedder {
  const { preprocess, config } = description;
  const [length, size] = [inputBytes(preprocess), inputLength(preprocess)];
  const filled = filledTo === undefined ? undefined : new Float32Array(size * filledTo);
  return async (pixels, rows) => {
    const inputs = Array.from({ length: rows }, (_, row) =>
      normalizeInput(pixels.subarray(row * length, (row + 1) * length), preprocess),
    );
    filled?.fill(0);
    if (filled !== undefined) inputs.forEach((input, row) => filled.set(input, row * size));
    const features = await embedder.images(filled ?? joinInputs(inputs), filledTo ?? rows);
    return features.subarray(0, rows * config.projectionDim);
  };
}
