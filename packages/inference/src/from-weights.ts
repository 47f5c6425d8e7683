import { ClipError, isClipError } from "@clip-ts/base";
import type { ClipConfig, InferOptions, TensorShapes } from "@clip-ts/model";
import { isOwnText, textKind } from "@clip-ts/text-encoder";
import { isVit, visionTower } from "@clip-ts/vision-encoder";
import { convertLayout, detectLayout, type TensorFile } from "@clip-ts/weights";
import { shapesOf } from "./model-files.ts";

const said = new Set<string>();

/** Warns of something about a model, the first time that it is met in this process. */
export function warnOnce(line: string): void {
  if (said.has(line)) return;
  said.add(line);
  console.warn(line);
}

/** OpenAI's heads are this long, in every model. */
const headWidth = 64;

/** Published checkpoints that were trained with QuickGELU, by their names on the hub and in its cache. */
const quickGelu =
  /(openai(\/|--)clip-|_clip_[^/]*\.openai|quickgelu|facebook(\/|--)metaclip-[bl]|apple(\/|--)DFN\w+-CLIP)/iu;

/** Whether the file is one of OpenAI's own: TorchScript under their names. */
export function isOpenaiArchive(file: TensorFile): boolean {
  return file.metadata["format"] === "torchscript" && file.names.includes("token_embedding.weight");
}

function fail(message: string, data: Readonly<Record<string, unknown>>): never {
  throw new ClipError("bad-config", message, { data });
}

/** Activations of those towers whose kind leaves a choice. */
function activationsOf({ vision, text }: ClipConfig): readonly string[] {
  const image = isVit(vision) && vision.pooling !== "attention" ? [vision.activation] : [];
  return !isOwnText(text) && textKind(text) === "clip" ? [...image, text.activation] : image;
}

/** How many heads a tower has, and should have. */
interface Heads {
  readonly tower: string;
  readonly heads: number;
  readonly expected: number;
}

/** Heads of towers that have any. */
function headsOf({ vision, text }: ClipConfig): Heads[] {
  const found: Heads[] = [];
  if ("heads" in vision) {
    const expected = visionTower(vision).attentionWidth(vision) / headWidth;
    found.push({ tower: "vision", heads: vision.heads, expected });
  }
  if ("heads" in text) {
    found.push({ tower: "text", heads: text.heads, expected: text.width / headWidth });
  }
  return found;
}

function checkHeads(config: ClipConfig, model: string): void {
  for (const { tower, heads, expected } of headsOf(config)) {
    if (heads === expected) continue;
    fail(
      `${model} is OpenAI's checkpoint, whose ${tower} tower has ${expected} attention heads, but the config says ` +
        `${heads}; the features would be wrong. Correct the config.`,
      { model, tower, heads, expected },
    );
  }
}

/**
 * Holds a config against what is known of where the weights come from: shapes do not show a wrong
 * activation or head count, and the model would only be quietly worse.
 * @throws ClipError "bad-config" that names what is wrong.
 */
export function checkOrigin(config: ClipConfig, model: string, file: TensorFile): void {
  const isOpenai = isOpenaiArchive(file) || /openai(\/|--)clip-/u.test(model);
  const wrong = activationsOf(config).find((activation) => activation !== "quick_gelu");
  if (wrong !== undefined && (isOpenai || quickGelu.test(model))) {
    fail(
      `${model} was trained with QuickGELU, but the config says ${wrong}; the features would be wrong. ` +
        'Set the activation to "quick_gelu" (quick_gelu: true in open_clip\'s config).',
      { model, activation: wrong },
    );
  }
  if (isOpenai) checkHeads(config, model);
}

/** What a command line writes of weights: a whole model, or one tower alone. */
type WrittenAs = "hf" | "torchvision" | "roberta";

/** Options of `clip-ts convert` that say what weights leave open. */
function flagsFor(to: WrittenAs): Readonly<Record<string, string>> {
  const activation = "--activation gelu (or quick_gelu, gelu_pytorch_tanh";
  if (to !== "hf") return { heads: "--heads NUMBER", activation: `${activation})` };
  return {
    heads: "--heads VISION,TEXT",
    activation: `${activation}; VISION,TEXT where they differ)`,
  };
}

/** The words that say what is missing, and the command that writes a folder that says it. */
function adviceFor(model: string, missing: readonly string[], presets: readonly string[], to: WrittenAs): string {
  const flags = flagsFor(to);
  const write = `clip-ts convert ${model} FOLDER --to ${to}`;
  const names = presets.length > 0 ? ` (${presets.join(", ")})` : ", one of open_clip's";
  const files = "--config FILE (its config.json or open_clip_config.json)";
  const wholes = `${files} or --preset NAME${names}`;
  if (!missing.every((what) => flags[what] !== undefined)) return `${write} with ${wholes}`;
  return `${write} ${missing.map((what) => flags[what]).join(" ")}; or with ${wholes}`;
}

/**
 * Infers from the weights of `model`; where they leave something open, the error says which command line
 * writes a folder that has it.
 */
function sayingWhatIsMissing<Result>(model: string, to: WrittenAs, infer: () => Result): Result {
  try {
    return infer();
  } catch (error) {
    const missing = isClipError(error) ? error.data["missing"] : undefined;
    if (!isClipError(error) || !Array.isArray(missing)) throw error;
    const presets = (error.data["presets"] ?? []) as readonly string[];
    const { question } = error.data;
    const open =
      typeof question === "string"
        ? `, and its weights do not say ${question}; a wrong guess gives wrong features.`
        : `. ${error.message}`;
    throw new ClipError(
      "bad-config",
      `${model} comes without a config${open} Write a folder that says it, and use that: ` +
        `${adviceFor(model, missing as string[], presets, to)}.`,
      { data: { model, missing, presets }, cause: error },
    );
  }
}

function writtenAs(file: TensorFile): WrittenAs {
  const layout = detectLayout(file.names);
  return layout === "torchvision" || layout === "roberta" ? layout : "hf";
}

/** A head count that big_vision's own arrays show: queries are [width, heads, dim] there. */
function headsInArrays(file: TensorFile, side: "img" | "txt"): number | undefined {
  const query = new RegExp(`(^|/)${side}/(Transformer|Encoder_0)/encoderblock(_0)?/.*/query/kernel$`, "u");
  const name = file.names.find((candidate) => query.test(candidate));
  return name === undefined ? undefined : file.describe(name).shape.at(-2);
}

/** What is known of the weights beside their shapes. Options go first, and OpenAI's own archives before them. */
function knownOf(file: TensorFile, options: InferOptions): InferOptions {
  const layout = detectLayout(file.names);
  if (isOpenaiArchive(file)) return { isOpenai: true };
  const isOpenClip = layout === "openai";
  if (layout !== "big_vision") return { ...options, isOpenClip };
  const heads = { vision: headsInArrays(file, "img"), text: headsInArrays(file, "txt") };
  return { activation: "gelu_pytorch_tanh", ...options, heads }; // big_vision computes no other
}

/**
 * Lets `infer` tell a config from the shapes of weights that come without one, under clip-ts's own names.
 * What is taken for granted then is said: by default a warning on the console, once.
 * @throws ClipError that names what has to be given, and how.
 */
export function inferFromShapes<Result>(
  model: string,
  file: TensorFile,
  { onNotice = warnOnce, ...options }: InferOptions & { readonly onNotice?: (line: string) => void },
  infer: (shapes: TensorShapes, known: InferOptions) => Result,
): Result {
  const to = writtenAs(file);
  const shapes = shapesOf(convertLayout(file, "huggingface"));
  const onAssume = (line: string): void => onNotice(`${model} has no config: ${line}`);
  const known = { ...knownOf(file, options), onAssume };
  return sayingWhatIsMissing(model, to, () => infer(shapes, known));
}
