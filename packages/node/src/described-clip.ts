import { createClip, type Clip, type ClipParts, type Embedder } from "@clip-ts/model";
import { needTokenizer, type ModelDescription } from "./model-folder.ts";

/** What beside its files and its weights a model's handle is made of. */
export type DescribedClipParts<Image> = Pick<ClipParts<Image>, "preprocess" | "batchSize"> & {
  /** The weights on an engine; owned by the handle from now on. */
  readonly embedder: Embedder;
};

/**
 * The handle of a model that a folder describes, on whatever engine its embedder runs. Captions take rows as wide
 * as the longest needs, in steps of 8; a model without a tokenizer is refused when it is asked for texts.
 */
export function describedClip<Image>(
  description: Pick<ModelDescription, "config" | "tokenizer" | "missingTokenizer">,
  { embedder, ...parts }: DescribedClipParts<Image>,
): Promise<Clip<Image>> {
  return createClip<Image>({
    config: description.config,
    model: embedder,
    tokenize: (texts) => needTokenizer(description).encodeBatch(texts, { multiple: 8 }),
    ...parts,
  });
}
