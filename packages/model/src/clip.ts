import { ClipError, refuseAfterDisposal } from "@clip-ts/base";
import { embedLabels, rankLabels, rememberLabels, type Classification } from "./classification.ts";
import type { ClipConfig } from "./config.ts";
import { eagerEmbedder, type Embedder, type TokenizedTexts } from "./embed.ts";
import type { FeatureRows } from "@clip-ts/core";
import type { ClipParams } from "./spec.ts";

/** What a usable CLIP is made of; how images and captions become numbers is passed in. */
export interface ClipParts<Image> {
  readonly config: ClipConfig;
  /** Parameters, or an embedder that has them; owned by the handle from now on. */
  readonly model: ClipParams | Embedder;
  readonly tokenize: (texts: readonly string[]) => TokenizedTexts;
  /** One image → normalised [channels, imageSize, imageSize]. */
  readonly preprocess: (image: Image) => Promise<Float32Array> | Float32Array;
  /** Images or captions embedded at a time. */
  readonly batchSize?: number;
}

/** CLIP for application code: unit vectors in, rankings out. */
export interface Clip<Image> {
  readonly config: ClipConfig;
  /** exp of the learnt logit scale: what cosines are multiplied by before softmax. */
  readonly logitScale: number;
  /** What a model of the sigmoid loss adds to scaled cosines. */
  readonly logitBias?: number;
  /** Unit features of the images, one row each. */
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

function joinPlanes(images: readonly Float32Array[], config: ClipConfig): Float32Array {
  const { channels, imageSize } = config.vision;
  const size = channels * imageSize * imageSize;
  const pixels = new Float32Array(images.length * size);
  images.forEach((image, index) => {
    if (image.length !== size) {
      throw new ClipError(
        "bad-shape",
        `The model wants images of [${channels}, ${imageSize}, ${imageSize}], ` +
          `but preprocessing gave ${image.length} values. Check the preprocessor's size.`,
      );
    }
    pixels.set(image, index * size);
  });
  return pixels;
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

/** Joins parameters, tokenizer and preprocessing into one handle. */
export async function createClip<Image>(parts: ClipParts<Image>): Promise<Clip<Image>> {
  const { config, model, tokenize, preprocess, batchSize = 32 } = parts;
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new ClipError("bad-argument", `The batch size should be 1 or more, got ${batchSize}.`);
  }
  const embedder = "logit_scale" in model ? await eagerEmbedder(model, config) : model;
  const labelRows = rememberLabels((labels, templates) => embedLabels(handle, labels, templates));
  const handle: Clip<Image> = {
    config,
    logitScale: Math.exp(embedder.logitScale),
    ...(embedder.logitBias !== undefined && { logitBias: embedder.logitBias }),
    embedImages: (images) =>
      embedInBatches(images, batchSize, async (batch) => {
        const planes = await Promise.all(batch.map(async (image) => preprocess(image)));
        return embedder.images(joinPlanes(planes, config), batch.length);
      }),
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
