import type { SequentialBatch } from "@clip-ts/data";
import { bytesEmbedder, needTokenizer } from "@clip-ts/inference";
import { filledRows, type OpenTowers } from "../shared/open-model.ts";
import type { ShardsRequest } from "./request.ts";
import type { Rows } from "./shard-files.ts";

/** What turns the samples of a batch into rows. */
export type EmbedBatch = (batch: SequentialBatch) => Promise<Rows>;

/**
 * Embeds batches of up to `batch` samples. An engine that compiles for every shape always gets whole batches, the rest of
 * which are zeros and empty captions: one graph stays in memory, however many samples a shard's last batch has.
 */
export function embedBatches(
  towers: OpenTowers,
  { what, batch: size, maxTokens }: Pick<ShardsRequest, "what" | "batch" | "maxTokens">,
): EmbedBatch {
  const { description, embedder } = towers;
  const filledTo = filledRows(towers, size);
  const images = bytesEmbedder({ description, embedder, filledTo, maxTokens });
  const texts = async (captions: readonly string[]): Promise<Float32Array> => {
    const filling = Array<string>(Math.max(0, (filledTo ?? 0) - captions.length)).fill("");
    const rows = [...captions, ...filling];
    const features = await embedder.texts(needTokenizer(description).encodeBatch(rows, { multiple: 8 }));
    return features.subarray(0, captions.length * description.config.projectionDim);
  };
  return async ({ keys, pixels, captions }) => {
    const rows = keys.length;
    if (rows === 0) return { keys };
    return {
      keys,
      image: what === "text" ? undefined : await images(pixels, rows),
      text: what === "image" ? undefined : await texts(captions),
    };
  };
}
