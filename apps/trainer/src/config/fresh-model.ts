import { usualPreprocess, type PreprocessConfig } from "@clip-ts/image";
import { clipSpec, lossOf, preset, type ClipConfig } from "@clip-ts/model";
import {
  readArchitecture,
  readPreprocess,
  resolveModel,
  type ModelDescription,
} from "@clip-ts/node";
import { initialSigmoidLogitScale } from "@clip-ts/projection";
import { matchText } from "@clip-ts/text-encoder";
import { withArchitecture } from "./architecture.ts";
import { openRunTokenizer } from "./run-tokenizer.ts";
import type { RunConfig } from "./schema.ts";
import { withTraining } from "./with-training.ts";

type ModelSizes = RunConfig["model"];
type TextConfig = ClipConfig["text"];

/** CLIP's start and end are the last ids of a vocabulary of any size; other towers' stay. */
function withTextSizes(base: TextConfig, { contextLength, vocabSize }: ModelSizes): TextConfig {
  const sized = { ...base, contextLength: contextLength ?? base.contextLength };
  if (vocabSize === undefined) return sized;
  const [startTokenId, endTokenId] = [vocabSize - 2, vocabSize - 1];
  return matchText<TextConfig>(sized, {
    clip: (text) => ({ ...text, vocabSize, startTokenId, endTokenId }),
    roberta: (text) => ({ ...text, vocabSize }),
    siglip: (text) => ({ ...text, vocabSize }),
  });
}

function withSizes(base: ClipConfig, model: ModelSizes): ClipConfig {
  const { imageSize, projectionDim } = model;
  return {
    ...base,
    projectionDim: projectionDim ?? base.projectionDim,
    vision: { ...base.vision, imageSize: imageSize ?? base.vision.imageSize },
    text: withTextSizes(base.text, model),
  };
}

/** Training with another model's sigmoid loss from scratch starts at a scale of its own. */
function withStartingScale(asked: ClipConfig, base: ClipConfig, { model }: RunConfig): ClipConfig {
  const isNew = lossOf(asked).kind === "sigmoid" && lossOf(base).kind !== "sigmoid";
  if (!isNew || model.architecture?.initialLogitScale !== undefined) return asked;
  return { ...asked, initialLogitScale: initialSigmoidLogitScale };
}

/** What a model starts from: a built-in size, or a file that describes one. */
interface Base {
  readonly config: ClipConfig;
  /** What files beside the description say. */
  readonly preprocess?: PreprocessConfig;
  /** Where a tokenizer may lie. */
  readonly folder?: string;
}

async function readBase({ preset: name, config }: ModelSizes): Promise<Base> {
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
  { model, data }: RunConfig,
): Promise<PreprocessConfig> {
  const ofTower =
    model.vision === undefined ? undefined : await readPreprocess(await resolveModel(model.vision));
  const preprocess = ofTower ?? said ?? usualPreprocess(clip);
  const { background = preprocess.alpha } = data;
  return { ...preprocess, size: clip.vision.imageSize, alpha: background };
}

/** What describes a model that is trained from scratch, but for towers that have weights of their own. */
export async function describeFresh(config: RunConfig): Promise<ModelDescription> {
  const base = await readBase(config.model);
  const changed = withArchitecture(base.config, config.model.architecture);
  const asked = withTraining(withSizes(changed, config.model), config);
  const clip = withStartingScale(asked, base.config, config);
  clipSpec(clip); // refuses sizes that do not fit together before any memory is taken
  const preprocess = await preprocessOf(clip, base, config);
  return { config: clip, preprocess, ...(await openRunTokenizer(clip, config, base.folder)) };
}
