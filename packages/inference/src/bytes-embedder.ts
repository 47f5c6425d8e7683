import { inputBytes, inputLength, isPatches, normalizeInput } from "@clip-ts/image";
import { imageBatches, type BatchLimits, type Embedder } from "@clip-ts/model";
import { pixelForm } from "@clip-ts/vision-encoder";
import { checkBatches } from "./check-batches.ts";
import type { ModelDescription } from "./model.ts";

/** Bytes of images before normalising, rows of `inputBytes` of `@clip-ts/image`, to unit rows [rows, joint], which the caller owns. */
export type BytesEmbedder = (pixels: Uint8ClampedArray, rows: number) => Promise<Float32Array>;

/** What `bytesEmbedder` takes. */
export interface BytesEmbedderParts extends Pick<BatchLimits, "maxTokens"> {
  readonly description: Pick<ModelDescription, "preprocess" | "config">;
  readonly embedder: Pick<Embedder, "images">;
  /** Rows that every batch is filled up to with zeros: for engines that compile for every shape. */
  readonly filledTo?: number | undefined;
}

/** Prepared images → their rows, in their order. */
type EmbedInputs = (inputs: readonly Float32Array[]) => Promise<Float32Array>;

/** In batches as long as their longest image, within the limit. */
function byLength({ description, embedder, maxTokens }: BytesEmbedderParts): EmbedInputs {
  const { vision, projectionDim: dim } = description.config;
  const form = pixelForm(vision);
  return async (inputs) => {
    const rows = new Float32Array(inputs.length * dim);
    for (const { items, pixels } of imageBatches(inputs, form, { batchSize: inputs.length, maxTokens })) {
      const features = await embedder.images(pixels, items.length);
      items.forEach((item, row) => rows.set(features.subarray(row * dim, (row + 1) * dim), item * dim));
    }
    return rows;
  };
}

/** In batches of one shape: `filledTo` images, or as many as the limit allows, each as long as any may be. */
function filledUp({ description, embedder, maxTokens }: BytesEmbedderParts, filledTo: number): EmbedInputs {
  const { preprocess, config } = description;
  const [size, dim] = [inputLength(preprocess), config.projectionDim];
  const within =
    maxTokens === undefined || !isPatches(preprocess) ? filledTo : Math.floor(maxTokens / preprocess.maxPatches);
  const together = Math.min(filledTo, within);
  const filled = new Float32Array(size * together);
  return async (inputs) => {
    const rows = new Float32Array(inputs.length * dim);
    for (let start = 0; start < inputs.length; start += together) {
      const some = inputs.slice(start, start + together);
      filled.fill(0);
      some.forEach((input, row) => filled.set(input, row * size));
      const features = await embedder.images(filled, together);
      rows.set(features.subarray(0, some.length * dim), start * dim);
    }
    return rows;
  };
}

/**
 * Embeds images as threads that decode leave them. Of rows of patches a batch is as long as its longest image, or, where
 * it is filled up, as long as any may be; `maxTokens` parts rows that would be more. One batch at a time: its memory is
 * used again.
 * @throws ClipError "bad-argument" for a `maxTokens` that no image keeps, or of a model whose images are of one size.
 */
export function bytesEmbedder(parts: BytesEmbedderParts): BytesEmbedder {
  const { description, filledTo, maxTokens } = parts;
  checkBatches(description, { maxTokens });
  const { preprocess } = description;
  const length = inputBytes(preprocess);
  const embed = filledTo === undefined ? byLength(parts) : filledUp(parts, filledTo);
  return (pixels, rows) =>
    embed(
      Array.from({ length: rows }, (_, row) =>
        normalizeInput(pixels.subarray(row * length, (row + 1) * length), preprocess),
      ),
    );
}
