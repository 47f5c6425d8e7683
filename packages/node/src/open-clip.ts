import { ClipError, type ImageSize } from "@clip-ts/base";
import { startEngine, type EngineName, type Slowdown, type StartedEngine } from "@clip-ts/engines";
import type { DownloadProgress } from "@clip-ts/hub";
import { prepareImage, type ImagePreparer, type Pixels } from "@clip-ts/image";
import {
  atResolution,
  checkBatches,
  closing,
  describedClip,
  warnOnce,
  withParts,
  type RefusedEngines,
  type SelfCheckWhen,
} from "@clip-ts/inference";
import type { Clip, OwnTower } from "@clip-ts/model";
import type { WeightsDtype } from "@clip-ts/onnx";
import type { Tokenizer } from "@clip-ts/tokenizer";
import { getBackend } from "@tensorflow/tfjs-core";
import { decodeImage, type DecodeOptions } from "./decode-image.ts";
import { openModel } from "./open-model.ts";
import { readImageBytes } from "./list-images.ts";
import { loadProved, type RunningEngine } from "./self-check/load-proved.ts";

/** An image: a path or an http or https address, the bytes of a file, or pixels already decoded. */
export type ImageInput = string | Uint8Array | Pixels;

/** Settings of openClip. */
export interface OpenClipOptions extends DecodeOptions {
  /** "auto" by default: the fastest that runs here; "current" keeps the TensorFlow.js backend in use. */
  readonly engine?: EngineName | "auto" | "current";
  /**
   * What weights are kept as, on ONNX Runtime: f32 by default; "q8", 8 bits, takes a third of the memory and, on
   * processors with VNNI, of the time; "f16" is half precision, for graphics cards. What they cost and gain:
   * docs/export.md.
   */
  readonly dtype?: WeightsDtype;
  /** Images or captions embedded at a time; 32 by default. */
  readonly batchSize?: number;
  /**
   * Most patches of a batch of images that keep their shape (SigLIP 2 NaFlex), padding counted: batches have fewer images
   * than `batchSize` where these would be more. Unbounded by default.
   */
  readonly maxTokens?: number;
  /**
   * Pixels a side that images are brought to, where they are not the model's own: positions are interpolated
   * as open_clip does with `force_image_size`. What of a side fills no patch is left out.
   */
  readonly imageSize?: ImageSize;
  /** The language of captions as NLLB's tokenizer names it, such as "deu_Latn"; "eng_Latn" by default. */
  readonly language?: string;
  /** In place of the model's own: `fromTransformersTokenizer(await AutoTokenizer.from_pretrained(...))`. */
  readonly tokenizer?: Tokenizer;
  /** In place of the model's own: `fromTransformersProcessor(await AutoProcessor.from_pretrained(...), RawImage)`. */
  readonly preprocess?: ImagePreparer;
  /** Towers that somebody defined elsewhere (`defineVisionTower`, `defineTextTower`) and the model names. */
  readonly towers?: readonly OwnTower[];
  /** Hears of every piece of a model that has to be downloaded; nothing is printed otherwise. */
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Ends a download with its reason; what arrived is kept, and the next one continues it. */
  readonly signal?: AbortSignal;
  /**
   * Hears, a line each, what is assumed where the model's files do not say it (by default a warning on the
   * console, once), that ONNX Runtime is not installed, without which all is about ten times slower, why the
   * hub or an image's server is asked again, that the cache is used in its place, and which engine failed the
   * model's proof.
   */
  readonly onNotice?: (line: string) => void;
  /**
   * When a model that carries its proof (`self-check.json`) is held against it: on "first-use" on a device and engine
   * (default), "always", or never ("off"). An engine that fails is named to `onNotice` and the next that passes
   * computes; one that was asked for by name is refused.
   */
  readonly selfCheck?: SelfCheckWhen;
}

async function toPixels(image: ImageInput, options: OpenClipOptions): Promise<Pixels> {
  if (typeof image === "string") return decodeImage(await readImageBytes(image, options), image, options);
  if (image instanceof Uint8Array) return decodeImage(image, "The image", options);
  return image;
}

/** Starts the engine that is wanted; the application's own is not touched. */
async function start({ engine = "auto", dtype }: OpenClipOptions, refused: RefusedEngines): Promise<Started> {
  if (engine !== "current") return startEngine(engine, { refused, dtype });
  if (dtype !== undefined && dtype !== "f32") {
    throw new ClipError(
      "bad-argument",
      `The engine "current" keeps no weights as ${dtype}: use the engine onnx, or leave out the dtype.`,
    );
  }
  return { name: engine, detail: `TensorFlow.js on its backend ${getBackend() ?? "to come"}` };
}

type Started = RunningEngine & Pick<Partial<StartedEngine>, "slowdown">;

const inOneLine = ({ said, fix }: Slowdown): string => `${said}. To change that: ${fix}`;

/**
 * Opens a model folder, a run, a published model by its name (`ViT-B-32/laion2b_s34b_b79k`,
 * `openai/clip-vit-base-patch32`) or a model of the hub (`hf:owner/name`) for use: starts an engine, loads the weights
 * and returns the handle that embeds images and texts and classifies. Dispose the handle when done.
 * @throws ClipError that names the file or engine that is missing, and what to do; "bad-argument" for an
 * image size that the model cannot see; "bad-weights", "bad-data" or "engine-unavailable" where it fails its proof.
 */
export async function openClip(model: string, options: OpenClipOptions = {}): Promise<Clip<ImageInput>> {
  const { engine = "auto", dtype, batchSize, maxTokens, imageSize, towers, selfCheck } = options;
  const { onNotice, onProgress, signal } = options;
  const stored = await openModel(model, {
    towers,
    language: options.language,
    ...(onNotice !== undefined && { onNotice }),
    ...(onProgress !== undefined && { onProgress }),
    signal,
    dtype,
  });
  signal?.throwIfAborted();
  const opened = withParts(atResolution(stored, imageSize), options);
  checkBatches(opened, { batchSize, maxTokens });
  const prepare = options.preprocess ?? opened.preprocess;
  const say = onNotice ?? warnOnce;
  const { embedder } = await closing(opened, () =>
    loadProved<Started>(opened, {
      async start(refused) {
        const started = await start(options, refused);
        if (started.slowdown !== undefined) say(inOneLine(started.slowdown));
        return started;
      },
      asked: engine === "auto" ? undefined : engine === "current" ? "current" : "named",
      selfCheck,
      onNotice: say,
    }),
  );
  return describedClip<ImageInput>(opened, {
    embedder,
    preprocess: async (image) => prepareImage(await toPixels(image, options), prepare),
    ...(batchSize === undefined ? {} : { batchSize }),
    maxTokens,
  });
}
