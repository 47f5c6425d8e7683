import type { SequentialBatch } from "@clip-ts/data";
import { normalizePlanes } from "@clip-ts/image";
import { needTokenizer } from "@clip-ts/inference";
import type { OpenTowers } from "../shared/open-model.ts";
import type { Embedded } from "./request.ts";
import type { Rows } from "./shard-files.ts";

/** What turns the samples of a batch into rows. */
export type EmbedBatch = (batch: SequentialBatch) => Promise<Rows>;

/**
 * Embeds batches of up to `size` samples. An engine that compiles for every shape always gets whole batches, the rest of
 * which are zeros and empty captions: one graph stays in memory, however many samples a shard's last batch has.
 */
export function embedBatches({ description, engine, embedder }: OpenTowers, what: Embedded, size: number): EmbedBatch {
  const { preprocess, config } = description;
  const area = preprocess.size ** 2;
  const target = engine.compiler?.target;
  const isFixed = target !== undefined && target.prefersOpenSizes !== true;
  const planes = isFixed ? new Float32Array(3 * area * size) : undefined;

  const images = async (pixels: Uint8ClampedArray, rows: number): Promise<Float32Array> => {
    const input = planes ?? new Float32Array(pixels.length);
    normalizePlanes(pixels, area, preprocess, input.subarray(0, pixels.length));
    return embedder.images(input, isFixed ? size : rows);
  };
  const texts = async (captions: readonly string[]): Promise<Float32Array> => {
    const filling = isFixed ? Array<string>(size - captions.length).fill("") : [];
    const rows = [...captions, ...filling];
    return embedder.texts(needTokenizer(description).encodeBatch(rows, { multiple: 8 }));
  };
  return async ({ keys, pixels, captions }) => {
    const rows = keys.length;
    if (rows === 0) return { keys };
    const own = (features: Float32Array): Float32Array => features.subarray(0, rows * config.projectionDim);
    return {
      keys,
      image: what === "text" ? undefined : own(await images(pixels, rows)),
      text: what === "image" ? undefined : own(await texts(captions)),
    };
  };
}
