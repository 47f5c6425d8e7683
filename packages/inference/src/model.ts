import { ClipError, isClipError, sameSize, selfCheckFile, shownSize, sidesOf, type ImageSize } from "@clip-ts/base";
import type { HostArrays } from "@clip-ts/core";
import {
  clipSpec,
  createClip,
  type Clip,
  type ClipConfig,
  type ClipParams,
  type ClipParts,
  type Embedder,
} from "@clip-ts/model";
import { inputSize, isPatches, preprocessAtSize } from "@clip-ts/image";
import { hasOpenSide, pixelForm, visionSpec, withImageSize } from "@clip-ts/vision-encoder";
import { convertLayout, loadHostArrays, loadParams, type TensorFile } from "@clip-ts/weights";
import { checkBatches } from "./check-batches.ts";
import { checkOrigin, warnOnce } from "./from-weights.ts";
import { engineEmbedder } from "./compiled-towers.ts";
import { lazyWeights, rememberTexts, saysGraphs, type LazyWeights, type ModelFiles } from "./model-files.ts";
import { checkStoredPositions, positionTableOf, withResizedPositions } from "./positions.ts";
import { readDescription, type DescribeOptions, type ModelFacts } from "./read-description.ts";
import { needTokenizer, readTokenizer, type FoundTokenizer } from "./read-tokenizer.ts";
import { parseSelfCheck, type SelfCheck } from "./self-check/file.ts";
import { storedGraphs, type StoredGraphs } from "./stored-graphs/graph-files.ts";
import { embedderOfGraphs, type Runs } from "./stored-graphs/of-graphs.ts";
import { withoutPictures } from "./self-check/self-check.ts";

/** What is known of a model, apart from its weights. */
export interface ModelDescription extends ModelFacts, FoundTokenizer {}

/**
 * A stored model: what it is, how pictures and captions become its input, and its weights, under the names of
 * any layout. Nothing of it is open until its weights are asked for; whoever asks for them, or gives the model to what
 * does (`loadHostParams`, `loadModelParams`, `loadEmbedder`, exports), closes it.
 */
export interface Model extends ModelDescription, LazyWeights {
  /** What the caller calls it. */
  readonly name: string;
  /** The folder, file or address that it was found at. */
  readonly place: string;
  /**
   * Reads the proof beside the weights; undefined if there is none.
   * @throws ClipError "bad-data" that names a file which is damaged.
   */
  readonly selfCheck: () => Promise<SelfCheck | undefined>;
  /**
   * The graphs of a model that has no weights, in the form of @huggingface/transformers; undefined for one that has
   * weights, which are open afterwards.
   */
  readonly graphs: () => Promise<StoredGraphs | undefined>;
}

/** The graphs of a model without weights. */
async function graphsWithout(
  weights: LazyWeights["weights"],
  files: ModelFiles,
  onNotice: StoredGraphs["onNotice"],
): Promise<StoredGraphs | undefined> {
  try {
    await weights();
    return undefined;
  } catch (error) {
    if (saysGraphs(error)) return storedGraphs(files, onNotice);
    throw error;
  }
}

/** A model of which all but the weights is known already. */
export function modelIn(
  files: ModelFiles,
  description: ModelDescription,
  { onNotice = warnOnce }: Pick<DescribeOptions, "onNotice"> = {},
): Model {
  const { config, preprocess, tokenizer, missingTokenizer } = description;
  const { name, place } = files;
  const lazy = lazyWeights(files, async (file) => {
    checkOrigin(config, name, file);
    await checkStoredPositions(config, file);
  });
  return {
    name,
    place,
    config,
    preprocess,
    ...(tokenizer !== undefined && { tokenizer }),
    ...(missingTokenizer !== undefined && { missingTokenizer }),
    async selfCheck() {
      const text = await files.readText(selfCheckFile);
      return text === undefined ? undefined : parseSelfCheck(text, files.pathOf(selfCheckFile));
    },
    ...lazy,
    graphs: () => graphsWithout(lazy.weights, files, onNotice),
  };
}

/**
 * Opens a model among files: Hugging Face's folders, open_clip's or clip-ts's own, or weights alone. Config,
 * preprocessing and tokenizer are read now, weights when they are asked for; where there is no config, they are
 * looked at, and `options` say what they do not.
 * @throws ClipError that names what is missing, broken or not understood.
 */
export async function openModelIn(files: ModelFiles, options: DescribeOptions = {}): Promise<Model> {
  const remembered = rememberTexts(files);
  const facts = await readDescription(remembered, options);
  return modelIn(files, { ...facts, ...(await readTokenizer(remembered, facts.config, options)) }, options);
}

/** Of a model what loading takes. */
type Weighted = Pick<Model, "config" | "weights">;

/**
 * Reads a model's parameters by path. No engine has to run, unless positions are interpolated for another
 * image size. Leaves the model open.
 * @throws ClipError where config and weights do not belong together.
 */
export async function loadHostParams({ config, weights }: Weighted): Promise<HostArrays> {
  return loadHostArrays(clipSpec(config), await weights());
}

/**
 * Loads a model's parameters onto the running engine, one after the other, as a tree of tensors that the
 * caller owns; otherwise as `loadHostParams`.
 */
export async function loadModelParams({ config, weights }: Weighted): Promise<ClipParams> {
  return (await loadParams(clipSpec(config), await weights())) as ClipParams;
}

/**
 * A model's towers, ready on a running engine: compiled if it compiles, else operation by operation. The caller
 * disposes the embedder, for which the model need not stay open.
 */
export async function loadEmbedder(
  model: Weighted & Partial<Pick<Model, "graphs" | "place">>,
  compiler?: Runs,
): Promise<Embedder> {
  const ofGraphs = await embedderOfGraphs(model, compiler, { readies: true });
  if (ofGraphs !== undefined) return ofGraphs;
  const load = compiler === undefined ? loadModelParams : loadHostParams;
  return engineEmbedder(await load(model), model.config, compiler);
}

/** What beside its files and its weights a model's handle is made of. */
export type DescribedClipParts<Image> = Pick<ClipParts<Image>, "preprocess" | "batchSize" | "maxTokens"> & {
  /** The weights on an engine; owned by the handle from now on. */
  readonly embedder: Embedder;
};

/**
 * The handle of a model that a folder describes, on whatever engine its embedder runs. Captions take rows as wide
 * as the longest needs, in steps of 8; a model without a tokenizer is refused when it is asked for texts.
 * @throws ClipError "bad-argument" for a `maxTokens` that no image keeps, or of a model whose images are of one size.
 */
export async function describedClip<Image>(
  description: Pick<ModelDescription, "config" | "preprocess" | "tokenizer" | "missingTokenizer">,
  { embedder, ...parts }: DescribedClipParts<Image>,
): Promise<Clip<Image>> {
  checkBatches(description, parts);
  return createClip<Image>({
    config: description.config,
    model: embedder,
    tokenize: (texts) => needTokenizer(description).encodeBatch(texts, { multiple: 8 }),
    ...parts,
  });
}

/**
 * The config of a model once it reads images of `imageSize` pixels a side; a tower whose images have any length stays.
 * @throws ClipError "bad-argument" for a size that the vision tower cannot see: no whole number, smaller
 * than a patch, or none that a ResNet's strides divide.
 */
export function configAtResolution(config: ClipConfig, imageSize: ImageSize): ClipConfig {
  const isAny = hasOpenSide(pixelForm(config.vision));
  const refuse = (reason: string, cause?: unknown): never => {
    throw new ClipError("bad-argument", `This model cannot be opened at another size: ${reason}`, {
      data: { imageSize },
      cause,
    });
  };
  const { height, width } = sidesOf(imageSize);
  if (![height, width].every((side) => Number.isSafeInteger(side) && side >= 1)) {
    const usual = shownSize(config.vision.imageSize);
    return refuse(`expected whole pixels, such as ${usual}, got ${shownSize(imageSize)}.`);
  }
  try {
    const vision = isAny ? config.vision : withImageSize(config.vision, imageSize);
    visionSpec(vision);
    return { ...config, vision };
  } catch (cause) {
    if (isClipError(cause)) refuse(cause.message, cause);
    throw cause;
  }
}

/**
 * A model's weights for images of `imageSize` pixels a side, under clip-ts's own names: positions are
 * interpolated when they are read, which needs a running engine.
 */
function weightsAtResolution(config: ClipConfig, file: TensorFile, imageSize: ImageSize): TensorFile {
  const [from, to] = [config, configAtResolution(config, imageSize)].map(({ vision }) => positionTableOf(vision));
  const renamed = convertLayout(file, "huggingface");
  if (from === undefined || to === undefined) return renamed;
  return withResizedPositions(renamed, from.name, { fromGrid: from.grid, toGrid: to.grid });
}

/**
 * A model for images of `imageSize` pixels a side, or of as many patches as such an image has, if that is given: its
 * positions are interpolated when they are read, for which an engine must run, the rest stays. Weights come under clip-ts's own names then. It is the
 * same model that is open: one of the two is closed.
 * @throws ClipError "bad-argument" for a size that the vision tower cannot see.
 */
export function atResolution(model: Model, imageSize: ImageSize | undefined): Model {
  const { config, preprocess, weights, graphs, selfCheck } = model;
  const before = isPatches(preprocess) ? inputSize(preprocess) : config.vision.imageSize;
  if (imageSize === undefined || sameSize(imageSize, before)) return model;
  return {
    ...model,
    config: configAtResolution(config, imageSize),
    preprocess: preprocessAtSize(preprocess, imageSize),
    weights: async () => weightsAtResolution(config, await weights(), imageSize),
    async graphs() {
      const stored = await graphs();
      if (stored === undefined || hasOpenSide(pixelForm(config.vision))) return stored;
      throw new ClipError(
        "unsupported",
        `${model.place} holds ONNX graphs, which read images of ${shownSize(config.vision.imageSize)} pixels and no others.`,
      );
    },
    async selfCheck() {
      const check = await selfCheck();
      return check && withoutPictures(check);
    },
  };
}
