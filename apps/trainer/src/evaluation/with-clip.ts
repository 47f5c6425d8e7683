import type { Clip, Embedder } from "@clip-ts/model";
import { describedClip, type ModelDescription } from "@clip-ts/inference";

/**
 * Lends a model whose images come preprocessed, with the weights of an embedder, for as long as `use` runs. Takes the
 * embedder over.
 */
export async function withClip<Result>(
  description: ModelDescription,
  embedder: Embedder,
  use: (clip: Clip<Float32Array>) => Promise<Result>,
): Promise<Result> {
  const clip = await describedClip<Float32Array>(description, {
    embedder,
    preprocess: (planes) => planes,
  });
  try {
    return await use(clip);
  } finally {
    clip.dispose();
  }
}
