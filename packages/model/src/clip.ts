import { refuseAfterDisposal } from "@clip-ts/base";
import { embedLabels, rankLabels, rememberLabels, type Classification } from "./classification.ts";
import type { ClipConfig } from "./config.ts";
import { eagerEmbedder, type Embedder, type TokenizedTexts } from "./embed.ts";
import type { FeatureRows } from "@clip-ts/core";
import { pixelForm, type PixelForm } from "@clip-ts/vision-encoder";
import { checkLimits, imageBatches, imagesTogether, type BatchLimits } from "./image-batches.ts";
import type { ClipParams } from "./spec.ts";

/** What a usable CLIP is made of; how images and captions become numbers is passed in. */
export interface ClipParts<Image> {
  readonly config: ClipConfig;
  /** Parameters, or an embedder that has them; owned by the handle from now on. */
  readonly model: ClipParams | Embedder;
  readonly tokenize: (texts: readonly string[]) => TokenizedTexts;
  /** One image → its numbers as the vision tower reads them: `pixelForm` of `@clip-ts/vision-encoder`. */
  readonly preprocess: (image: Image) => Promise<Float32Array> | Float32Array;
  /** Images or captions embedded at a time. */
  readonly batchSize?: number;
  /**
   * Most patches of a batch of images that keep their shape (NaFlex), padding counted; a batch has fewer images than
   * `batchSize` where these would be more. Unbounded by default; refused for models whose images are of one size.
   */
  readonly maxTokens?: number | undefined;
}

/** CLIP for application code: unit vectors in, rankings out. */
export interface Clip<Image> {
  readonly config: ClipConfig;
  /** exp of the learnt logit scale: what cosines are multiplied by before softmax. */
  readonly logitScale: number;
  /** What a model of the sigmoid loss adds to scaled cosines. */
  readonly logitBias?: number;
  /**
   * Unit features of the images, one row each. Images of one model may have different lengths (NaFlex): those of like
   * length go together, and what one gives does not depend on which, but for the last bits of sums.
   */
  embedImages(images: readonly Image[]): Promise<FeatureRows>;
  /** Unit features of the captions, one row each. */
  embedTexts(texts: readonly string[]): Promise<FeatureRows>;
  /**
   * Labels from most to least likely. Templates say where the label goes: "a photo of a {}". A model of
   * the sigmoid loss judges each label alone, so its probabilities do not sum to 1.
   */
  classify(
    image: Image,
    labels: readonly string[],
    options?: { readonly templates?: readonly string[] },
  ): Promise<Classification[]>;
  /** Frees the parameters; whatever is asked afterwards is refused with a ClipError "disposed". */
  dispose(): void;
}

/** What labels are put into where nobody says otherwise. */
export const defaultTemplates: readonly string[] = ["a photo of a {}."];

/** Embeds items in batches and lines the rows up. */
async function embedInBatches<Item>(
  items: readonly Item[],
  batchSize: number,
  embed: (batch: readonly Item[]) => Promise<Float32Array>,
): Promise<FeatureRows> {
  const parts: Float32Array[] = [];
  for (let start = 0; start < items.length; start += batchSize) {
    parts.push(await embed(items.slice(start, start + batchSize)));
  }
  const values = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    values.set(part, offset);
    offset += part.length;
  }
  return { values, rows: items.length, dim: items.length === 0 ? 0 : values.length / items.length };
}

/** Rows of some items, in the order of all. */
interface SomeRows {
  readonly items: readonly number[];
  readonly values: Float32Array;
}

/** The rows of all items. */
function inOrder(parts: readonly SomeRows[], rows: number): FeatureRows {
  const dim = parts.reduce((sum, { values }) => sum + values.length, 0) / Math.max(1, rows);
  const values = new Float32Array(rows * dim);
  for (const part of parts) {
    part.items.forEach((item, row) => values.set(part.values.subarray(row * dim, (row + 1) * dim), item * dim));
  }
  return { values, rows, dim };
}

/** Prepares and embeds images, those of like length together. */
async function embedPrepared<Image>(
  images: readonly Image[],
  {
    form,
    limits,
    preprocess,
  }: Pick<ClipParts<Image>, "preprocess"> & { readonly form: PixelForm; readonly limits: BatchLimits },
  embedder: Pick<Embedder, "images">,
): Promise<FeatureRows> {
  const parts: SomeRows[] = [];
  const together = imagesTogether(form, limits.batchSize);
  for (let start = 0; start < images.length; start += together) {
    const some = images.slice(start, start + together);
    const inputs = await Promise.all(some.map(async (image) => preprocess(image)));
    for (const { items, pixels } of imageBatches(inputs, form, limits)) {
      const values = await embedder.images(pixels, items.length);
      parts.push({ items: items.map((index) => start + index), values });
    }
  }
  return inOrder(parts, images.length);
}

/** One row for each text, copied from the rows of the distinct ones. */
function spread(texts: readonly string[], distinct: readonly string[], { values, dim }: FeatureRows): FeatureRows {
  const rowOf = new Map(distinct.map((text, row) => [text, row]));
  const all = new Float32Array(texts.length * dim);
  texts.forEach((text, row) => {
    const source = rowOf.get(text) as number;
    all.set(values.subarray(source * dim, (source + 1) * dim), row * dim);
  });
  return { values: all, rows: texts.length, dim };
}

/**
 * Joins parameters, tokenizer and preprocessing into one handle.
 * @throws ClipError "bad-argument" for limits of batches that no image can keep.
 */
export async function createClip<Image>(parts: ClipParts<Image>): Promise<Clip<Image>> {
  const { config, model, tokenize, preprocess, batchSize = 32, maxTokens } = parts;
  const form = pixelForm(config.vision);
  const limits = { batchSize, maxTokens };
  checkLimits(limits, form);
  const embedder = "logit_scale" in model ? await eagerEmbedder(model, config) : model;
  const labelRows = rememberLabels((labels, templates) => embedLabels(handle, labels, templates));
  const handle: Clip<Image> = {
    config,
    logitScale: Math.exp(embedder.logitScale),
    ...(embedder.logitBias !== undefined && { logitBias: embedder.logitBias }),
    embedImages: (images) => embedPrepared(images, { form, limits, preprocess }, embedder),
    async embedTexts(texts) {
      const distinct = [...new Set(texts)]; // a caption that comes twice is computed once
      const features = await embedInBatches(distinct, batchSize, (batch) => embedder.texts(tokenize(batch)));
      return distinct.length === texts.length ? features : spread(texts, distinct, features);
    },
    async classify(image, labels, { templates = defaultTemplates } = {}) {
      const classifier = await labelRows(labels, templates);
      const features = await handle.embedImages([image]);
      return rankLabels(features, 0, { labels, rows: classifier }, handle);
    },
    dispose: () => embedder.dispose(),
  };
  return refuseAfterDisposal(handle, {
    what: "This model",
    remedy: "Open it again, or dispose it only after its last use.",
  });
}
