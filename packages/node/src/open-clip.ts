import { startEngine, type EngineName, type Slowdown, type StartedEngine } from "@clip-ts/engines";
import type { DownloadProgress } from "@clip-ts/hub";
import { preprocessYielding, type Pixels } from "@clip-ts/image";
import { atResolution, closing, describedClip, loadEmbedder, warnOnce } from "@clip-ts/inference";
import type { Clip, OwnTower } from "@clip-ts/model";
import { decodeImage, type DecodeOptions } from "./decode-image.ts";
import { openModel } from "./open-model.ts";
import { readImageBytes } from "./list-images.ts";

/** An image: a path or an http or https address, the bytes of a file, or pixels already decoded. */
export type ImageInput = string | Uint8Array | Pixels;

/** Settings of openClip. */
export interface OpenClipOptions extends DecodeOptions {
  /** "auto" by default: the fastest that runs here; "current" keeps the TensorFlow.js backend in use. */
  readonly engine?: EngineName | "auto" | "current";
  /** Images or captions embedded at a time; 32 by default. */
  readonly batchSize?: number;
  /**
   * Pixels a side that images are brought to, where they are not the model's own: positions are interpolated
   * as open_clip does with `force_image_size`. What of a side fills no patch is left out.
   */
  readonly imageSize?: number;
  /** Towers that somebody defined elsewhere (`defineVisionTower`, `defineTextTower`) and the model names. */
  readonly towers?: readonly OwnTower[];
  /** Hears of every piece of a model that has to be downloaded; nothing is printed otherwise. */
  readonly onProgress?: (progress: DownloadProgress) => void;
  /**
   * Hears, a line each, what is assumed where the model's files do not say it (by default a warning on the
   * console, once), that ONNX Runtime is not installed, without which all is about ten times slower, why the
   * hub or an image's server is asked again, and that the cache is used in its place.
   */
  readonly onNotice?: (line: string) => void;
}

async function toPixels(image: ImageInput, options: OpenClipOptions): Promise<Pixels> {
  if (typeof image === "string") return decodeImage(await readImageBytes(image, options), image, options);
  if (image instanceof Uint8Array) return decodeImage(image, "The image", options);
  return image;
}

const inOneLine = ({ said, fix }: Slowdown): string => `${said}. To change that: ${fix}`;

/**
 * Opens a model folder, a run or a model of the hub (`hf:owner/name`) for use: starts an engine, loads the weights and returns the handle that
 * embeds images and texts and classifies. Dispose the handle when done.
 * @throws ClipError that names the file or engine that is missing, and what to do; "bad-argument" for an
 * image size that the model cannot see.
 */
export async function openClip(model: string, options: OpenClipOptions = {}): Promise<Clip<ImageInput>> {
  const { engine = "auto", batchSize, imageSize, towers, onNotice, onProgress } = options;
  const stored = await openModel(model, {
    towers,
    ...(onNotice !== undefined && { onNotice }),
    ...(onProgress !== undefined && { onProgress }),
  });
  const opened = atResolution(stored, imageSize);
  const started: Partial<StartedEngine> = engine === "current" ? {} : await startEngine(engine);
  if (started.slowdown !== undefined) (onNotice ?? warnOnce)(inOneLine(started.slowdown));
  const embedder = await closing(opened, () => loadEmbedder(opened, started.compiler));
  return describedClip<ImageInput>(opened, {
    embedder,
    preprocess: async (image) => preprocessYielding(await toPixels(image, options), opened.preprocess),
    ...(batchSize === undefined ? {} : { batchSize }),
  });
}
