import { ClipError } from "@clip-ts/base";
import { scoresOf, type Clip } from "@clip-ts/model";
import type { ImageSource } from "@clip-ts/web";
import type { Emoji, RankedEmoji } from "../messages.ts";

/** Drawings embedded at a time: between batches the worker answers the page. */
const batchSize = 32;

/** The emoji with their features, which grow from the front while `fill` runs. */
export interface Collection {
  /** Fetches and embeds everything, telling how many are done after every batch. */
  fill(onProgress: (done: number) => void): Promise<void>;
  /** The drawings most like the query, best first, of those done so far. */
  rank(query: string, count: number): Promise<RankedEmoji[]>;
}

async function fetchImage(url: string): Promise<Blob> {
  const response = await fetch(url);
  if (response.ok) return response.blob();
  throw new ClipError("not-found", `${url}: the server answered ${response.status}.`);
}

/** Makes an empty collection of the drawings in a folder. */
export function createCollection(
  clip: Clip<ImageSource>,
  folderUrl: string,
  emoji: readonly Emoji[],
): Collection {
  const dim = clip.config.projectionDim;
  const fetchBatch = (start: number): Promise<Blob[]> =>
    Promise.all(
      emoji.slice(start, start + batchSize).map(({ file }) => fetchImage(folderUrl + file)),
    );
  const values = new Float32Array(emoji.length * dim);
  let done = 0;
  return {
    async fill(onProgress) {
      let images = await fetchBatch(0);
      while (images.length > 0) {
        // The next batch comes in while this one is embedded.
        const [features, next] = await Promise.all([
          clip.embedImages(images),
          fetchBatch(done + images.length),
        ]);
        values.set(features.values, done * dim);
        done += images.length;
        images = next;
        onProgress(done);
      }
    },
    async rank(query, count) {
      const text = await clip.embedTexts([query]);
      const scores = scoresOf(text, 0, { values: values.subarray(0, done * dim), rows: done, dim });
      return emoji
        .slice(0, scores.length)
        .map((entry, index) => ({ ...entry, similarity: scores[index] as number }))
        .toSorted((a, b) => b.similarity - a.similarity)
        .slice(0, count);
    },
  };
}
