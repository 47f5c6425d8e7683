import { ClipError } from "@clip-ts/base";
import { flattenTree } from "@clip-ts/core";
import { dispose, tensor, tidy, type Tensor } from "@tensorflow/tfjs-core";
import type { ClipConfig } from "./config.ts";
import { embedImages, embedTexts } from "./embed.ts";
import { scoresOf, type FeatureRows } from "./retrieval.ts";
import type { ClipParams } from "./spec.ts";
import { averagePrompts, probabilities, promptsFor } from "./zero-shot.ts";

/** Captions as ids, row-major [batch, tokens], each row holding its end token. */
export interface TokenizedTexts {
  readonly inputIds: Int32Array;
  readonly batch: number;
  readonly tokens: number;
}

/** What a usable CLIP is made of; how images and captions become numbers is passed in. */
export interface ClipParts<Image> {
  readonly config: ClipConfig;
  /** Owned by the handle from now on. */
  readonly params: ClipParams;
  readonly tokenize: (texts: readonly string[]) => TokenizedTexts;
  /** One image → normalised [channels, imageSize, imageSize]. */
  readonly preprocess: (image: Image) => Promise<Float32Array> | Float32Array;
  /** Images or captions embedded at a time. */
  readonly batchSize?: number;
}

/** One label with its share of the probability. */
export interface Classification {
  readonly label: string;
  readonly probability: number;
  /** Cosine of the image and the label's prompts. */
  readonly score: number;
}

/** CLIP for application code: unit vectors in, rankings out. */
export interface Clip<Image> {
  readonly config: ClipConfig;
  /** exp of the learnt logit scale: what cosines are multiplied by before softmax. */
  readonly logitScale: number;
  /** Unit features of the images, one row each. */
  embedImages(images: readonly Image[]): Promise<FeatureRows>;
  /** Unit features of the captions, one row each. */
  embedTexts(texts: readonly string[]): Promise<FeatureRows>;
  /** Labels from most to least likely. Templates say where the label goes: "a photo of a {}". */
  classify(
    image: Image,
    labels: readonly string[],
    options?: { readonly templates?: readonly string[] },
  ): Promise<Classification[]>;
  /** Frees the parameters; the handle is of no use afterwards. */
  dispose(): void;
}

const defaultTemplates: readonly string[] = ["a photo of a {}."];

/** Embeds items in batches and lines the rows up on the host. */
async function embedInBatches<Item>(
  items: readonly Item[],
  batchSize: number,
  embed: (batch: readonly Item[]) => Promise<Tensor>,
): Promise<FeatureRows> {
  const parts: Float32Array[] = [];
  let dim = 0;
  for (let start = 0; start < items.length; start += batchSize) {
    const features = await embed(items.slice(start, start + batchSize));
    parts.push((await features.data()) as Float32Array);
    dim = features.shape[1] ?? 0;
    features.dispose();
  }
  const values = new Float32Array(items.length * dim);
  let offset = 0;
  for (const part of parts) {
    values.set(part, offset);
    offset += part.length;
  }
  return { values, rows: items.length, dim };
}

function pixelTensor(images: readonly Float32Array[], config: ClipConfig): Tensor {
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
  return tensor(pixels, [images.length, channels, imageSize, imageSize], "float32");
}

/** Joins parameters, tokenizer and preprocessing into one handle. */
export async function createClip<Image>(parts: ClipParts<Image>): Promise<Clip<Image>> {
  const { config, params, tokenize, preprocess, batchSize = 32 } = parts;
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new ClipError("bad-argument", `The batch size should be 1 or more, got ${batchSize}.`);
  }
  const [logScale = 0] = await params.logit_scale.data();
  const handle: Clip<Image> = {
    config,
    logitScale: Math.exp(logScale),
    embedImages: (images) =>
      embedInBatches(images, batchSize, async (batch) => {
        const planes = await Promise.all(batch.map(async (image) => preprocess(image)));
        return tidy(() => embedImages(params, pixelTensor(planes, config), config));
      }),
    embedTexts: (texts) =>
      embedInBatches(texts, batchSize, async (batch) => {
        const { inputIds, batch: rows, tokens } = tokenize(batch);
        return tidy(() => embedTexts(params, tensor(inputIds, [rows, tokens], "int32"), config));
      }),
    async classify(image, labels, { templates = defaultTemplates } = {}) {
      const prompts = await handle.embedTexts(promptsFor(labels, templates));
      const scores = scoresOf(
        await handle.embedImages([image]),
        0,
        averagePrompts(prompts, templates.length),
      );
      const shares = probabilities(scores, handle.logitScale);
      return labels
        .map((label, index) => ({
          label,
          probability: shares[index] as number,
          score: scores[index] as number,
        }))
        .toSorted((a, b) => b.probability - a.probability);
    },
    dispose: () => dispose(Object.values(flattenTree<Tensor>(params))),
  };
  return handle;
}
