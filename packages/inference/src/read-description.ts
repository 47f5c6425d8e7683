import { ClipError, modelFiles, shownSize, sidesOf, sizeOf, type ImageSize } from "@clip-ts/base";
import {
  findPreprocess,
  parseOpenClipPreprocess,
  readPreprocessorFiles,
  torchvisionPreprocess,
  usualNotice,
  usualPreprocess,
  type Preprocessing,
  type PreprocessorFolder,
  isPatches,
} from "@clip-ts/image";
import {
  inferClipConfig,
  isOpenClipConfig,
  parseClipConfig,
  parseOpenClipConfig,
  parseTowerConfig,
  preset,
  type ClipConfig,
  type InferOptions,
  type ParseOptions,
} from "@clip-ts/model";
import { isVit, seesAnySize } from "@clip-ts/vision-encoder";
import { detectLayout } from "@clip-ts/weights";
import { inferFromShapes, warnOnce } from "./from-weights.ts";
import { ownConfigIn } from "./stored-graphs/graph-settings.ts";
import { missingFile, onlyTower, readJsonIn, withWeightsIn, type ModelFiles } from "./model-files.ts";

/** The parsed files of a folder that may describe its model. */
export interface FolderConfigs {
  /** `config.json`, unless it is another library's and open_clip's stands beside it. */
  readonly own?: unknown;
  /** `open_clip_config.json`; it describes the model where `own` is missing. */
  readonly openClip?: unknown;
}

/** Model types whose `config.json` is understood; open_clip's repositories may hold another for timm. */
const knownTypes: ReadonlySet<unknown> = new Set(["clip", "siglip", "siglip2", "vision-text-dual-encoder", "clip-ts"]);

const isUnderstood = (json: unknown): boolean => {
  const { model_type: type } = (json ?? {}) as Readonly<Record<string, unknown>>;
  return knownTypes.has(type) || parseTowerConfig(json) !== undefined;
};

/** Reads which of its configs describes the model of a folder; neither for a file of weights. */
export async function readConfigs(files: ModelFiles): Promise<FolderConfigs> {
  const own = ownConfigIn(await readJsonIn(files, modelFiles.config));
  const openClip = await readJsonIn(files, modelFiles.openClipConfig);
  const isOwn = own !== undefined && (openClip === undefined || isUnderstood(own));
  return { ...(isOwn && { own }), ...(openClip !== undefined && { openClip }) };
}

/** Config and preprocessing of a model. */
export interface ModelFacts {
  readonly config: ClipConfig;
  readonly preprocess: Preprocessing;
}

/** A config of any name, and what lies beside it. */
export interface ConfigFile {
  readonly files: ModelFiles;
  readonly name: string;
}

/** How a model's files are read, and what a caller says of weights that come without a config. */
export interface DescribeOptions extends InferOptions, ParseOptions {
  /** Hears what is assumed where no file says it; by default a warning on the console, once for each model. */
  readonly onNotice?: (line: string) => void;
  /** The language of captions as NLLB's tokenizer names it, such as "deu_Latn"; "eng_Latn" by default. */
  readonly language?: string | undefined;
  /** One of clip-ts's presets, which are open_clip's names too. */
  readonly preset?: string | undefined;
  /** A config file elsewhere, by its name among the files beside it: ours, Hugging Face's or open_clip's. */
  readonly config?: ConfigFile | undefined;
  /** The config of a model that they are known to be like. */
  readonly like?: ClipConfig | undefined;
}

/** The config of weights that come without one, from their shapes and what the options say. */
function inferFromWeights(files: ModelFiles, options: DescribeOptions): Promise<ClipConfig> {
  const { place } = files;
  return withWeightsIn(files, (file) => {
    const layout = detectLayout(file.names);
    if (layout === "torchvision" || layout === "roberta") throw onlyTower(place, layout);
    return Promise.resolve(inferFromShapes(place, file, options, inferClipConfig));
  });
}

/** Facts of weights that come without a config: as the options name them, else from their shapes. */
async function factsOfBare(files: ModelFiles, options: DescribeOptions): Promise<ModelFacts> {
  const { preset: name, config: given, like } = options;
  if (given !== undefined) return readConfigFile(given, options);
  const named = name === undefined ? like : preset(name);
  const config = named ?? (await inferFromWeights(files, options));
  // Weights without transformers' config are OpenAI's, open_clip's or like theirs.
  const usual = torchvisionPreprocess(usualPreprocess(config));
  return {
    config,
    preprocess: await findPreprocess(preprocessorsIn(files, options), config, usual),
  };
}

/** @throws ClipError if the options say what the model's own config says. */
function refuseSaid(place: string, { preset: name, config, heads }: DescribeOptions): void {
  const given = { "--preset": name, "--config": config, "--heads": heads };
  const [flag] = Object.entries(given).find(([, value]) => value !== undefined) ?? [];
  if (flag === undefined) return;
  throw new ClipError(
    "bad-argument",
    `${flag} is for weights that come without a config, and ${place} has one: leave the option out, or ` +
      "correct the config.",
    { data: { place, flag } },
  );
}

function parseOpenClip(json: unknown, path: string, { onNotice = warnOnce }: DescribeOptions = {}): ModelFacts {
  const config = parseOpenClipConfig(json);
  const { preprocess_cfg: keys } = json as Readonly<Record<string, unknown>>;
  const { imageSize } = config.vision;
  if (keys !== undefined && keys !== null) {
    return { config, preprocess: parseOpenClipPreprocess(keys, imageSize) };
  }
  const usual = torchvisionPreprocess(usualPreprocess(config));
  onNotice(usualNotice(path, "preprocess_cfg", usual));
  return { config, preprocess: usual };
}

/** A model's preprocessing files; a file of weights has none beside it. */
function preprocessorsIn(files: ModelFiles, { onNotice = warnOnce }: DescribeOptions = {}): PreprocessorFolder {
  return { place: files.place, read: (name) => readJsonIn(files, name), onNotice };
}

/** The preprocessing that a model's Hugging Face files say, if they do. */
export function readPreprocessor(files: ModelFiles): Promise<Preprocessing | undefined> {
  return readPreprocessorFiles(preprocessorsIn(files));
}

/** The preprocessing that a model's files say; undefined if they do not, or are weights alone. */
export async function readPreprocess(files: ModelFiles): Promise<Preprocessing | undefined> {
  const said = await readPreprocessor(files);
  if (said !== undefined) return said;
  const openClip = await readJsonIn(files, modelFiles.openClipConfig);
  if (openClip === undefined) return undefined;
  return parseOpenClip(openClip, files.pathOf(modelFiles.openClipConfig)).preprocess;
}

/** Reads a `config.json` of any name, and the preprocessing that lies beside it. */
export async function readConfigFile({ files, name }: ConfigFile, options: DescribeOptions = {}): Promise<ModelFacts> {
  const json = await readJsonIn(files, name);
  if (json === undefined) throw missingFile(files.pathOf(name), "read");
  if (isOpenClipConfig(json)) return parseOpenClip(json, files.pathOf(name), options);
  return factsOfConfig(parseClipConfig(json, options), preprocessorsIn(files, options));
}

/** The preprocessing of a model; it says the size of images where the config of the model leaves that open. */
async function factsOfConfig(config: ClipConfig, folder: PreprocessorFolder): Promise<ModelFacts> {
  const said = seesAnySize(config.vision) ? await readPreprocessorFiles(folder, config) : undefined;
  if (said === undefined || isPatches(said)) return { config, preprocess: await findPreprocess(folder, config) };
  return { config: { ...config, vision: visionAtSize(config.vision, said.size) }, preprocess: said };
}

/** The vision tower for images of a size. @throws ClipError "unsupported" for two sides where it sees squares alone. */
function visionAtSize(vision: ClipConfig["vision"], size: ImageSize): ClipConfig["vision"] {
  if (isVit(vision)) return { ...vision, imageSize: size };
  const side = sizeOf(sidesOf(size));
  if (typeof side === "number") return { ...vision, imageSize: side };
  throw new ClipError(
    "unsupported",
    `Its vision tower sees squares alone; its preprocessing makes ${shownSize(size)}.`,
  );
}

/**
 * Reads config and preprocessing from wherever a model keeps them; `options` say what weights without a config
 * do not. Weights are looked at only where there is no config.
 */
export async function readDescription(files: ModelFiles, options: DescribeOptions = {}): Promise<ModelFacts> {
  const { place } = files;
  const { own, openClip } = await readConfigs(files);
  if (own !== undefined || openClip !== undefined) refuseSaid(place, options);
  if (own !== undefined && parseTowerConfig(own) !== undefined) {
    const { model_type: type } = own as Readonly<Record<string, unknown>>;
    throw onlyTower(place, typeof type === "string" ? type : "torchvision");
  }
  if (own === undefined && openClip !== undefined) {
    return parseOpenClip(openClip, files.pathOf(modelFiles.openClipConfig), options);
  }
  if (own === undefined) return factsOfBare(files, options);
  return factsOfConfig(parseClipConfig(own, options), preprocessorsIn(files, options));
}
