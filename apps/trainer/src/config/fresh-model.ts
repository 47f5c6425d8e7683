import { ClipError, type ImageSize } from "@clip-ts/base";
import { isPatches, preprocessAtSize, usualPreprocess, type Color, type Preprocessing } from "@clip-ts/image";
import { readPreprocess, type ModelDescription, type ModelFiles } from "@clip-ts/inference";
import { clipSpec, lossOf, preset, type ClipConfig, type LossConfig } from "@clip-ts/model";
import { openFiles, readArchitecture } from "@clip-ts/node";
import { initialSigmoidLogitScale } from "@clip-ts/projection";
import { matchText } from "@clip-ts/text-encoder";
import { withArchitecture, type ArchitectureChanges } from "./architecture.ts";
import { isVit, withImageSize } from "@clip-ts/vision-encoder";
import { withChanges, type PreprocessChanges } from "./preprocess.ts";
import { openRunTokenizer, type RunTokenizerOptions } from "./run-tokenizer.ts";

/** What training asks of a model in the place of what its description says. */
export interface TrainingChanges {
  readonly loss?: LossConfig | undefined;
  /** Share of the patches that a step leaves out. */
  readonly patchDropout?: number | undefined;
  /** Share of BERT's or RoBERTa's activations and attention weights that a step drops. */
  readonly textDropout?: number | undefined;
}

/** Patches are dropped in training only, so it may be asked of any model that has some. */
function withPatchDropout(base: ClipConfig, { patchDropout }: TrainingChanges): ClipConfig {
  if (patchDropout === undefined) return base;
  if (isVit(base.vision)) {
    return { ...base, vision: { ...base.vision, patchDropout } };
  }
  throw new ClipError("bad-config", '"model.patchDropout": only a vision transformer drops patches; remove it.');
}

/** Kinds of text towers whose activations and attention weights can be dropped. */
const withDropout: ReadonlySet<string> = new Set(["altclip", "bert", "m2m100", "roberta"]);

/** The same for towers that were trained with dropout, of whose activations and attention weights equal shares are dropped. */
function withTextDropout(base: ClipConfig, { textDropout: share }: TrainingChanges): ClipConfig {
  if (share === undefined) return base;
  const { kind = "clip" } = base.text;
  if (withDropout.has(kind)) {
    const text = { ...base.text, hiddenDropout: share, attentionDropout: share };
    return { ...base, text };
  }
  throw new ClipError(
    "bad-config",
    '"model.textDropout": only BERT, RoBERTa, AltCLIP and M2M-100 drop anything, and this text tower is another; remove it.',
  );
}

/**
 * A model's config with what training asks of it.
 * @throws ClipError "bad-config" for dropout in a tower that has none.
 */
export function withTraining(base: ClipConfig, changes: TrainingChanges): ClipConfig {
  const { loss } = changes;
  const asked = loss === undefined ? base : { ...base, loss };
  return withTextDropout(withPatchDropout(asked, changes), changes);
}

/** Sizes in the place of a model's own. */
interface ModelSizes {
  /** Pixels along the sides of an image. */
  readonly imageSize?: ImageSize | undefined;
  /** Ids of a caption. */
  readonly contextLength?: number | undefined;
  readonly vocabSize?: number | undefined;
  /** Length of the vectors in the joint space. */
  readonly projectionDim?: number | undefined;
}

/** A model that is trained from scratch: a preset or a config, changed. */
export interface FreshModelOptions extends ModelSizes, TrainingChanges, RunTokenizerOptions {
  /** A built-in size. */
  readonly preset?: string | undefined;
  /** A config.json, or its folder, in place of a preset. */
  readonly config?: string | undefined;
  readonly architecture?: ArchitectureChanges | undefined;
  /** Weights of the vision tower, which may say how images become its input. */
  readonly vision?: string | undefined;
  /** Colour behind transparent pixels; as the model's files say by default. */
  readonly background?: Color | undefined;
  /** How else images become input. */
  readonly preprocess?: PreprocessChanges | undefined;
}

type TextConfig = ClipConfig["text"];

/** CLIP's start and end are the last ids of a vocabulary of any size; other towers' stay. */
function withTextSizes(base: TextConfig, { contextLength, vocabSize }: ModelSizes): TextConfig {
  const sized = { ...base, contextLength: contextLength ?? base.contextLength };
  if (vocabSize === undefined) return sized;
  const [startTokenId, endTokenId] = [vocabSize - 2, vocabSize - 1];
  return matchText<TextConfig>(sized, {
    clip: (text) => ({ ...text, vocabSize, startTokenId, endTokenId }),
    altclip: (text) => ({ ...text, vocabSize }),
    bert: (text) => ({ ...text, vocabSize }),
    m2m100: (text) => ({ ...text, vocabSize }),
    mt5: (text) => ({ ...text, vocabSize }),
    roberta: (text) => ({ ...text, vocabSize }),
    siglip: (text) => ({ ...text, vocabSize }),
  });
}

function withSizes(base: ClipConfig, sizes: ModelSizes): ClipConfig {
  const { imageSize, projectionDim } = sizes;
  return {
    ...base,
    projectionDim: projectionDim ?? base.projectionDim,
    vision: withImageSize(base.vision, imageSize ?? base.vision.imageSize),
    text: withTextSizes(base.text, sizes),
  };
}

/** Training with another model's sigmoid loss from scratch starts at a scale of its own. */
function withStartingScale(asked: ClipConfig, base: ClipConfig, { architecture }: FreshModelOptions): ClipConfig {
  const isNew = lossOf(asked).kind === "sigmoid" && lossOf(base).kind !== "sigmoid";
  if (!isNew || architecture?.initialLogitScale !== undefined) return asked;
  return { ...asked, initialLogitScale: initialSigmoidLogitScale };
}

/** What a model starts from: a built-in size, or a file that describes one. */
interface Base {
  readonly config: ClipConfig;
  /** What files beside the description say. */
  readonly preprocess?: Preprocessing;
  /** Among which a tokenizer may lie. */
  readonly files?: ModelFiles;
}

async function readBase({ preset: name, config }: FreshModelOptions): Promise<Base> {
  if (config === undefined) return { config: preset(name as string) };
  return readArchitecture(config);
}

/**
 * How images become input: as the vision tower's weights were trained, else as the model's files say,
 * else as is usual for its kind.
 */
async function preprocessOf(
  clip: ClipConfig,
  { preprocess: said }: Base,
  { vision, background, preprocess: changes }: FreshModelOptions,
): Promise<Preprocessing> {
  const ofTower = vision === undefined ? undefined : await readPreprocess(await openFiles(vision));
  const usual = usualPreprocess(clip);
  const preprocess = ofTower ?? said ?? usual;
  const alpha = background ?? preprocess.alpha;
  const refuse = (reads: string, says: string): never => {
    const message = `The vision tower reads ${reads}, and the files say ${says}: give the preprocessing of such a model.`;
    throw new ClipError("bad-config", message);
  };
  if (isPatches(usual)) {
    return isPatches(preprocess)
      ? withChanges({ ...preprocess, alpha, patchSize: usual.patchSize }, changes)
      : refuse("rows of patches", "planes");
  }
  return isPatches(preprocess)
    ? refuse("planes", "rows of patches")
    : withChanges({ ...preprocessAtSize(preprocess, clip.vision.imageSize), alpha }, changes);
}

/** What describes a model that is trained from scratch, but for towers that have weights of their own. */
export async function describeFresh(options: FreshModelOptions): Promise<ModelDescription> {
  const base = await readBase(options);
  const changed = withArchitecture(base.config, options.architecture);
  const asked = withTraining(withSizes(changed, options), options);
  const clip = withStartingScale(asked, base.config, options);
  clipSpec(clip); // refuses sizes that do not fit together before any memory is taken
  const preprocess = await preprocessOf(clip, base, options);
  return { config: clip, preprocess, ...(await openRunTokenizer(clip, options, base.files)) };
}
