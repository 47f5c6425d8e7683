import { ClipError, isClipError, isHubReference, mayBeModelName } from "@clip-ts/base";
import { prepareImage, type ImagePreparer } from "@clip-ts/image";
import {
  checkBatches,
  closing,
  compileEmbedder,
  describedClip,
  engineEmbedder,
  graphEmbedder,
  loadHostParams,
  loadModelParams,
  openModelIn,
  openProved,
  withParts,
  type CheckPrecision,
  type Model,
  type ModelFiles,
  type OnEngine,
  type RefusedEngines,
} from "@clip-ts/inference";
import { eagerEmbedder, type Clip, type Embedder, type OwnTower } from "@clip-ts/model";
import type { Tokenizer } from "@clip-ts/tokenizer";
import { bytesSource } from "@clip-ts/weights";
import { decodeImage, type DecodeOptions, type ImageSource } from "./decode-image.ts";
import { startEngine, type EngineName, type EngineOptions, type StartedEngine } from "./engine.ts";
import { addressIn, fetchOptionalBytes, fetchOptionalText, type FetchOptions } from "./fetch.ts";
import { hubFiles, publishedFiles, type HubOptions } from "./hub-files.ts";

/** Settings of openClip. */
export interface OpenClipOptions extends HubOptions, EngineOptions, DecodeOptions {
  /**
   * "auto" by default: the fastest that runs here and knows the model's operations; "current" keeps the
   * TensorFlow.js backend that the application has set.
   */
  readonly engine?: EngineName | "auto";
  /** Images or captions embedded at a time; 32 by default. */
  readonly batchSize?: number;
  /**
   * Most patches of a batch of images that keep their shape (SigLIP 2 NaFlex), padding counted: batches have fewer images
   * than `batchSize` where these would be more. Unbounded by default.
   */
  readonly maxTokens?: number;
  /** The language of captions as NLLB's tokenizer names it, such as "deu_Latn"; "eng_Latn" by default. */
  readonly language?: string;
  /** In place of the model's own: `fromTransformersTokenizer(await AutoTokenizer.from_pretrained(...))`. */
  readonly tokenizer?: Tokenizer;
  /** In place of the model's own: `fromTransformersProcessor(await AutoProcessor.from_pretrained(...), RawImage)`. */
  readonly preprocess?: ImagePreparer;
  /** Towers that somebody defined elsewhere (`defineVisionTower`, `defineTextTower`) and the model names. */
  readonly towers?: readonly OwnTower[];
  /**
   * Hears, a line each, what is assumed where the model's files do not say it, why a slower engine runs the
   * model than should, and that a file of the hub could not be kept; by default a warning on the console.
   */
  readonly onNotice?: (line: string) => void;
  /** Hears which engine runs the model, and why. */
  readonly onEngine?: (engine: StartedEngine) => void;
  /**
   * Whether a model that carries its proof (`self-check.json`) is held against it each time it is opened (default):
   * an engine that fails is named to `onNotice` and the next that passes computes; one that was asked for by name is
   * refused. "off" saves the two pictures and three captions that this takes.
   */
  readonly selfCheck?: "always" | "off";
}

/** The files that a server holds below an address. */
function filesBelow(folder: string | URL, options: FetchOptions): ModelFiles {
  const pathOf = (name: string): string => addressIn(folder, name);
  return {
    name: String(folder),
    place: String(folder),
    pathOf,
    readText: (name) => fetchOptionalText(pathOf(name), options),
    async open(name) {
      const bytes = await fetchOptionalBytes(pathOf(name), options);
      return bytes && { ...bytesSource(bytes), close: () => Promise.resolve() };
    },
  };
}

/** The list of published models, loaded when something may be a name. */
const published = () => import("@clip-ts/model/published");

/** The files of whatever names a model: an address, `hf:owner/name`, or a published model's name. */
async function filesOf(model: string | URL, options: OpenClipOptions): Promise<ModelFiles> {
  if (typeof model !== "string") return filesBelow(model, options);
  if (isHubReference(model)) return hubFiles(model, options);
  const found = mayBeModelName(model) ? (await published()).findModel(model) : undefined;
  return found === undefined ? filesBelow(model, options) : publishedFiles(found, options);
}

/** The error of a folder that is not there, with the published names that may have been meant. */
async function withNearest(model: string | URL, error: unknown): Promise<unknown> {
  const isName = typeof model === "string" && mayBeModelName(model);
  if (!isName || !isClipError(error) || error.code !== "not-found") return error;
  const nearest = (await published()).nearestNames(model);
  if (nearest.length === 0) return error;
  const message = `${error.message} Published models of such a name: ${nearest.join(", ")}.`;
  return new ClipError(error.code, message, { data: { ...error.data, nearest }, cause: error });
}

/** @throws ClipError "unsupported" before weights are fetched for captions that could not be read. */
function needServedTokenizer({ name, config, tokenizer }: Model): void {
  if (tokenizer !== undefined) return;
  const { vocabSize } = config.text;
  throw new ClipError(
    "unsupported",
    `${name}: the text tower has a vocabulary of ${vocabSize} and no tokenizer. Serve its ` +
      "tokenizer's files beside the weights.",
    { data: { vocabSize } },
  );
}

/** All of a model but its weights. */
async function openStored(
  model: string | URL,
  options: OpenClipOptions,
  onNotice: (line: string) => void,
): Promise<Model> {
  try {
    const files = await filesOf(model, { ...options, onNotice });
    return await openModelIn(files, { towers: options.towers, language: options.language, onNotice });
  } catch (error) {
    throw await withNearest(model, error);
  }
}

/** Both towers with the weights on an engine: compiled where it compiles, else run operation by operation. */
async function loadEmbedder(model: Model, { compiler }: StartedEngine): Promise<Embedder> {
  const { config, place } = model;
  const graphs = await model.graphs();
  if (graphs !== undefined) return graphEmbedder({ graphs, config, place, engine: compiler }, { readies: true });
  if (compiler === undefined) return eagerEmbedder(await loadModelParams(model), config);
  if (compiler.target.needsConstants === true) return engineEmbedder(await loadHostParams(model), config, compiler);
  return compileEmbedder(await loadHostParams(model), config, compiler.target);
}

/** The same, on TensorFlow.js where an engine that nobody asked for by name does not take the model. */
async function loadAnywhere(
  model: Model,
  engine: StartedEngine,
  options: OpenClipOptions,
): Promise<OnEngine<StartedEngine>> {
  try {
    return { embedder: await loadEmbedder(model, engine), engine };
  } catch (error) {
    const isOfFile = isClipError(error) && error.code === "bad-weights";
    const { engine: asked = "auto" } = options;
    if (asked !== "auto" || engine.dtype !== undefined || engine.compiler === undefined || isOfFile) throw error;
    const said = error instanceof Error ? error.message : String(error);
    const slowdown = `${engine.name} does not take this model: ${said}`;
    const started = await startEngine("wasm", options);
    const eager = { ...started, reason: slowdown, slowdown };
    return { embedder: await loadEmbedder(model, eager), engine: eager };
  }
}

/** WebGPU computes in f32, but leaves multiply-adds to the card. */
const precisionOf = ({ name, dtype }: StartedEngine): CheckPrecision => dtype ?? (name === "onnx-gpu" ? "tf32" : "f32");

/** The model on the fastest engine on which it passes its proof, if it carries one. */
async function loadProved(
  model: Model,
  options: OpenClipOptions,
  onNotice: (line: string) => void,
): Promise<OnEngine<StartedEngine>> {
  const { engine: asked = "auto", selfCheck = "always" } = options;
  const [check, started] = await Promise.all([
    selfCheck === "off" ? undefined : model.selfCheck(),
    startEngine(asked, options),
    model.graphs(), // which fetches the weights, if there are any
  ]);
  if (check === undefined) return loadAnywhere(model, started, options);
  const without = (refused: RefusedEngines): OpenClipOptions => ({
    ...options,
    refused: { ...options.refused, ...refused },
  });
  let first: StartedEngine | undefined = started;
  const open = async (refused: RefusedEngines): Promise<OnEngine<StartedEngine>> => {
    const engine = first ?? (await startEngine(asked, without(refused)));
    first = undefined;
    return loadAnywhere(model, engine, options);
  };
  const another = async (refused: RefusedEngines): Promise<OnEngine<StartedEngine> | undefined> => {
    if (asked === "current") return undefined;
    return loadAnywhere(model, await startEngine("auto", without(refused)), { ...options, engine: "auto" });
  };
  return openProved({ model, check, open, ...(asked !== "auto" && { another }), precisionOf, onNotice });
}

/**
 * Opens a model that a web server holds below an address: Hugging Face's folders, open_clip's or clip-ts's own, or weights
 * alone that say what they are. Published models are opened by their names (`ViT-B-32/laion2b_s34b_b79k`,
 * `openai/clip-vit-base-patch32`), all others of the hub as `hf:owner/name`; what was fetched of them is kept in the
 * browser. A folder of one's own that is called so is meant by `./` before it. Starts the engine and returns the handle
 * that embeds images and texts and classifies. Dispose the handle when done.
 * @throws ClipError naming the file that is missing, broken or does not fit, or why the model fails its proof.
 */
export async function openClip(model: string | URL, options: OpenClipOptions = {}): Promise<Clip<ImageSource>> {
  const { batchSize, maxTokens, onNotice = (line: string) => console.warn(line), onEngine } = options;
  const stored = withParts(await openStored(model, options, onNotice), options);
  const prepare = options.preprocess ?? stored.preprocess;
  needServedTokenizer(stored);
  checkBatches(stored, { batchSize, maxTokens });
  return closing(stored, async (opened) => {
    const { embedder, engine } = await loadProved(opened, options, onNotice);
    if (engine.slowdown !== undefined) {
      onNotice(`${engine.slowdown} TensorFlow.js runs the model, several times slower.`);
    }
    onEngine?.(engine);
    return describedClip<ImageSource>(opened, {
      embedder,
      preprocess: async (image) => prepareImage(await decodeImage(image, options), prepare),
      ...(batchSize === undefined ? {} : { batchSize }),
      maxTokens,
    });
  });
}
