import { readFile } from "node:fs/promises";
import { preprocess, type Pixels } from "@clip-ts/image";
import { createClip, type Clip } from "@clip-ts/model";
import { decodeImage } from "./decode-image.ts";
import { startEngine } from "./engine/start.ts";
import type { EngineName } from "./engine/engine.ts";
import { describeModel, loadModelParams, needTokenizer } from "./model-folder.ts";

/** An image: a path, the bytes of a file, or pixels already decoded. */
export type ImageInput = string | Uint8Array | Pixels;

/** Settings of openClip. */
export interface OpenClipOptions {
  readonly engine?: EngineName | "auto";
  /** Turn photographs upright as their EXIF tag says; off by default, as in the originals. */
  readonly honourExif?: boolean;
}

async function toPixels(image: ImageInput, honourExif: boolean): Promise<Pixels> {
  if (typeof image === "string") return decodeImage(await readFile(image), image, { honourExif });
  if (image instanceof Uint8Array) return decodeImage(image, "the image", { honourExif });
  return image;
}

/**
 * Opens a model folder or run for use: starts an engine, loads the weights and returns the handle that
 * embeds images and texts and classifies. Dispose the handle when done.
 */
export async function openClip(
  model: string,
  options: OpenClipOptions = {},
): Promise<Clip<ImageInput>> {
  const { engine = "auto", honourExif = false } = options;
  await startEngine(engine);
  const description = await describeModel(model);
  const params = await loadModelParams(model, description.config);
  return createClip<ImageInput>({
    config: description.config,
    params,
    tokenize: (texts) => needTokenizer(description).encodeBatch(texts, { multiple: 8 }),
    preprocess: async (image) =>
      preprocess(await toPixels(image, honourExif), description.preprocess),
  });
}
