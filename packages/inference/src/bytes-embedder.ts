import { normalizePlanes } from "@clip-ts/image";
import type { Embedder } from "@clip-ts/model";
import type { ModelDescription } from "./model.ts";

/** Bytes of images before normalising, [rows, 3, size, size], to unit rows [rows, joint], which the caller owns. */
export type BytesEmbedder = (pixels: Uint8ClampedArray, rows: number) => Promise<Float32Array>;

/** What `bytesEmbedder` takes. */
export interface BytesEmbedderParts {
  readonly description: Pick<ModelDescription, "preprocess" | "config">;
  readonly embedder: Pick<Embedder, "images">;
  /** Rows that every batch is filled up to with zeros: for engines that compile for every shape. */
  readonly filledTo?: number | undefined;
}

/** Embeds images as threads that decode leave them. One batch at a time: its memory is used again. */
export function bytesEmbedder({ description, embedder, filledTo }: BytesEmbedderParts): BytesEmbedder {
  const { preprocess, config } = description;
  const area = preprocess.size ** 2;
  const planes = filledTo === undefined ? undefined : new Float32Array(3 * area * filledTo);
  return async (pixels, rows) => {
    const input = planes ?? new Float32Array(pixels.length);
    normalizePlanes(pixels, area, preprocess, input.subarray(0, pixels.length));
    const features = await embedder.images(input, filledTo ?? rows);
    return features.subarray(0, rows * config.projectionDim);
  };
}
