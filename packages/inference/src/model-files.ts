import {
  ClipError,
  graphPath,
  isClipError,
  modelFiles,
  parseJsonFile,
  weightsDtypes,
  weightsFiles,
} from "@clip-ts/base";
import { openSharded, openWeights, type ByteSource, type TensorFile } from "@clip-ts/weights";

/** A file that is open, until it is closed. */
export type OpenSource = ByteSource & { readonly close: () => Promise<void> };

/**
 * The files of one model, wherever they lie: a folder, a single file of weights, what a server has below an
 * address.
 */
export interface ModelFiles {
  /** What the caller calls the model, which may tell where it comes from: "hf:openai/clip-vit-base-patch32". */
  readonly name: string;
  /** The folder, file or address itself, as errors and notices give it. */
  readonly place: string;
  /** The name of the weights, where they are all that is looked at; nothing beside them is the model's then. */
  readonly weights?: string | undefined;
  /** How errors call a file. */
  readonly pathOf: (name: string) => string;
  /** The text of a file, as it is; undefined if there is no such file. */
  readonly readText: (name: string) => Promise<string | undefined>;
  /** Opens a file to be read in pieces, or whole; undefined if there is no such file. */
  readonly open: (name: string) => Promise<OpenSource | undefined>;
  /** Whether there is such a file, where that is known without opening it. */
  readonly has?: (name: string) => boolean;
}

/** Files of which each text is read once, for as long as a model is described. */
export function rememberTexts(files: ModelFiles): ModelFiles {
  const texts = new Map<string, Promise<string | undefined>>();
  const readText = (name: string): Promise<string | undefined> => {
    const text = texts.get(name) ?? files.readText(name);
    texts.set(name, text);
    return text;
  };
  return { ...files, readText };
}

/** The parsed content of a file; undefined if there is no such file. @throws ClipError that names the file. */
export async function readJsonIn(
  { readText, pathOf }: Pick<ModelFiles, "readText" | "pathOf">,
  name: string,
): Promise<unknown> {
  const text = await readText(name);
  return text === undefined ? undefined : parseJsonFile(text, pathOf(name));
}

/** The error for a file that has to be there and is not. */
export function missingFile(path: string, verb: "opened" | "read"): ClipError {
  const message = `${path} cannot be ${verb}: there is no such file.`;
  return new ClipError("not-found", message, { data: { path } });
}

/** Whether a file is there. */
async function isThere({ has, open }: ModelFiles, name: string): Promise<boolean> {
  if (has !== undefined) return has(name);
  const source = await open(name);
  await source?.close();
  return source !== undefined;
}

/** Whether any graph is there. */
async function hasGraphs(files: ModelFiles): Promise<boolean> {
  for (const name of ["vision_model", "text_model", "model"] as const) {
    for (const dtype of weightsDtypes) if (await isThere(files, graphPath(name, dtype))) return true;
  }
  return false;
}

/** The error for a model that is stored as graphs where weights are wanted. */
function onlyGraphs(place: string): ClipError {
  return new ClipError(
    "unsupported",
    `${place} holds ONNX graphs (onnx/) and no weights: it can embed, and teach another model (distill.from), but not be ` +
      "trained, converted or taken apart. Use the folder that it was made of for that.",
    { data: { place, isGraphs: true } },
  );
}

/** Whether an error says that a model is stored as graphs. */
export const saysGraphs = (error: unknown): boolean => isClipError(error) && error.data["isGraphs"] === true;

/** Weights that are open, until they are closed. */
export interface OpenWeights {
  readonly file: TensorFile;
  readonly close: () => Promise<void>;
}

/** Opens the first of the weights that are there, and gives it with its name. */
async function openFirst(files: ModelFiles): Promise<[string, OpenSource]> {
  const { weights, pathOf, open } = files;
  for (const name of weights === undefined ? weightsFiles : [weights]) {
    const source = await open(name);
    if (source !== undefined) return [name, source];
  }
  if (weights === undefined && (await hasGraphs(files))) throw onlyGraphs(files.place);
  throw missingFile(pathOf(weights ?? modelFiles.weights), "opened");
}

/**
 * Opens a model's weights, one file of any format or shards. Tensors are read when they are asked for. The
 * caller closes them.
 * @throws ClipError that names the file which is missing, broken or of an unknown format.
 */
async function openWeightsIn(files: ModelFiles): Promise<OpenWeights> {
  const opened: OpenSource[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(opened.splice(0).map((source) => source.close()));
  };
  const openShard = async (name: string): Promise<OpenSource> => {
    const source = await files.open(name);
    if (source === undefined) throw missingFile(files.pathOf(name), "opened");
    opened.push(source);
    return source;
  };
  try {
    const [name, source] = await openFirst(files);
    opened.push(source);
    const file = name.endsWith(".index.json")
      ? await openSharded(await readJsonIn(files, name), openShard)
      : await openWeights(source, files.pathOf(name));
    return { file, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Weights that are opened when they are first asked for. */
export interface LazyWeights {
  /**
   * The weights, opened at the first call; each tensor is read when it is asked for.
   * @throws ClipError where config and weights do not belong together.
   */
  readonly weights: () => Promise<TensorFile>;
  /** Closes the weights, if they are open; nothing else is. They may be asked for again. */
  readonly close: () => Promise<void>;
}

/** The weights among a model's files, once `check` has found nothing wrong with them. */
export function lazyWeights(
  files: ModelFiles,
  check: (file: TensorFile) => Promise<void> = () => Promise.resolve(),
): LazyWeights {
  let opened: Promise<OpenWeights> | undefined;
  const open = async (): Promise<OpenWeights> => {
    const weights = await openWeightsIn(files);
    try {
      await check(weights.file);
      return weights;
    } catch (error) {
      await weights.close();
      throw error;
    }
  };
  return {
    async weights() {
      opened ??= open();
      try {
        return (await opened).file;
      } catch (error) {
        opened = undefined;
        throw error;
      }
    },
    async close() {
      const before = opened;
      opened = undefined;
      await (await before?.catch(() => undefined))?.close();
    },
  };
}

/** Lends what has weights to `use`, and closes them at the end, whatever comes of it. */
export async function closing<Opened extends Pick<LazyWeights, "close">, Result>(
  opened: Opened,
  use: (opened: Opened) => Promise<Result>,
): Promise<Result> {
  try {
    return await use(opened);
  } finally {
    await opened.close();
  }
}

/** Opens a model's weights as they are stored, for as long as `use` runs. */
export async function withWeightsIn<Result>(
  files: ModelFiles,
  use: (file: TensorFile) => Promise<Result>,
): Promise<Result> {
  return closing(lazyWeights(files), async ({ weights }) => use(await weights()));
}

/** The shapes of a file's tensors by name. */
export function shapesOf(file: TensorFile): Map<string, readonly number[]> {
  return new Map(file.names.map((name) => [name, file.describe(name).shape]));
}

/** The error for a model of which only one tower is there. */
export function onlyTower(model: string, layout: string): ClipError {
  return new ClipError(
    "unsupported",
    `${model} holds one tower alone (${layout}'s names), which is no whole model. To join it with another, ` +
      'train a model that starts from both: "model.vision" and "model.text" in a run\'s config name them.',
    { data: { model, layout } },
  );
}
