import { sameSize, type ImageSize } from "@clip-ts/base";
import type { Activation } from "@clip-ts/core";
import type { PerTower } from "@clip-ts/model";
import type { OpenModelOptions } from "@clip-ts/node";
import type { WeightsDtype } from "@clip-ts/onnx";
import { UsageError, type Arguments, type Command } from "../../cli/command.ts";
import { imageSizeOption, sizeOption } from "../../cli/options.ts";

/** What `--to` writes: whole models under other names, one tower, graphs. A test compares with what there is. */
const convertTargets: readonly string[] = [
  "hf",
  "openai",
  "open_clip",
  "big_vision",
  "torchvision",
  "roberta",
  "onnx",
  "savedmodel",
];

/** What `--dtype` takes, in the order in which files are tried by default. */
export const dtypes: readonly WeightsDtype[] = ["f32", "f16", "q8"];

/** The precisions of `--to onnx`, such as "f32,q8"; all of them without it. @throws UsageError. */
export function precisionsOf({ text }: Pick<Arguments, "text">): readonly WeightsDtype[] {
  const given = text("dtype");
  if (given === undefined) return dtypes;
  if (text("to") !== "onnx") throw new UsageError("--dtype goes with --to onnx only.");
  const names = given.split(",").map((name) => name.trim());
  const find = (name: string): WeightsDtype | undefined => dtypes.find((own) => own === name);
  const unknown = names.find((name) => find(name) === undefined);
  if (unknown === undefined) return [...new Set(names.flatMap((name) => find(name) ?? []))];
  throw new UsageError(`--dtype ${unknown}: expected some of ${dtypes.join(", ")}.`);
}

/** What `convert` changes of a model on its way, whatever it writes. */
export interface ModelChanges {
  /** What the weights do not say, where they come without a config. */
  readonly inferred: OpenModelOptions;
  /** The model towards which weights are interpolated, and how far. */
  readonly other: { readonly model: string; readonly alpha: number } | undefined;
  /** Pixels of a side. */
  readonly imageSize: ImageSize | undefined;
}

/** `--alpha` from 0 to 1; half way if it is not given. */
function alphaOf(args: Arguments): number {
  const text = args.text("alpha") ?? "0.5";
  const alpha = Number(text);
  if (text.trim() !== "" && alpha >= 0 && alpha <= 1) return alpha;
  throw new UsageError(`--alpha ${text}: expected a number from 0 to 1.`);
}

const activations = ["gelu", "quick_gelu", "gelu_pytorch_tanh"] as const;

/** The value of an option for both towers: one for both, or `VISION,TEXT`. */
function perTower<Value>(
  text: string,
  read: (part: string) => Value | undefined,
  refuse: () => never,
): PerTower<Value> {
  const parts = text.split(",");
  if (parts.length > 2) return refuse();
  const [vision, textual] = parts.map((part) => read(part.trim()) ?? refuse());
  return { vision, text: parts.length === 1 ? vision : textual };
}

/** `--activation`, for weights that come without a config. */
function activationOf(args: Arguments): OpenModelOptions {
  const given = args.text("activation");
  if (given === undefined) return {};
  const find = (part: string): Activation | undefined => activations.find((name) => name === part);
  const refuse = (): never => {
    const known = activations.join(", ");
    throw new UsageError(`--activation ${given}: expected one of ${known}, or two for VISION,TEXT.`);
  };
  return { activation: perTower(given, find, refuse) };
}

/** `--heads VISION[,TEXT]`, for weights that come without a config. */
function headsOf(args: Arguments): OpenModelOptions {
  const given = args.text("heads");
  if (given === undefined) return {};
  const count = (part: string): number | undefined => (/^[1-9]\d{0,4}$/u.test(part) ? Number(part) : undefined);
  const refuse = (): never => {
    throw new UsageError(`--heads ${given}: expected whole numbers from 1, VISION,TEXT.`);
  };
  const { vision, text } = perTower(given, count, refuse);
  return { heads: { vision, text: given.includes(",") ? text : undefined } };
}

/** All that is said of weights that come without a config. */
function saidOf(args: Arguments): OpenModelOptions {
  const preset = args.text("preset");
  const configFile = args.text("config");
  if (preset !== undefined && configFile !== undefined) {
    throw new UsageError("--preset and --config both name a config: give one of them.");
  }
  return { ...activationOf(args), ...headsOf(args), preset, configFile };
}

/** `--image-size`, or `--resolution`, which is the same. */
function askedSize(args: Arguments): ImageSize | undefined {
  const [size, resolution] = [sizeOption(args, "image-size"), sizeOption(args, "resolution")];
  if (size !== undefined && resolution !== undefined && !sameSize(size, resolution)) {
    throw new UsageError("--image-size and --resolution are the same: give one of them.");
  }
  return size ?? resolution;
}

/** Reads the options that change a model. @throws UsageError for values that make no sense. */
export function readChanges(args: Arguments): ModelChanges {
  const alpha = alphaOf(args);
  const other = args.text("interpolate");
  if (other === undefined && args.text("alpha") !== undefined) {
    throw new UsageError("--alpha goes with --interpolate.");
  }
  return {
    inferred: saidOf(args),
    other: other === undefined ? undefined : { model: other, alpha },
    imageSize: askedSize(args),
  };
}

/** clip-ts convert */
export const convertCommand: Command = {
  name: "convert",
  words: "MODEL OUT",
  needs: 2,
  summary: "rewrite a model under other names, or as graphs that others run",
  details:
    "MODEL is a folder of Hugging Face's or open_clip's, a run, a file of weights (.safetensors, " +
    ".pt, .bin, .npz), a published model's name (clip-ts models) or hf:owner/name. OUT becomes a folder with config.json, " +
    "preprocessor_config.json, the tokenizer's files and model.safetensors. Values are copied bit by " +
    "bit, whatever their type. With --to open_clip it is a folder that open_clip loads as " +
    "local-dir:OUT; with --to big_vision, for SigLIP, the weights are model.npz. With --to torchvision " +
    "only the vision tower is written, with --to roberta only the text tower, each as that library " +
    "loads it; such a tower alone may also be MODEL. With --to onnx it is a folder " +
    "that @huggingface/transformers loads in Node and browsers; with --to savedmodel one for " +
    "TensorFlow Serving.",
  options: {
    to: {
      type: "string",
      choices: convertTargets,
      required: true,
      help: "what to write",
    },
    "image-size": imageSizeOption,
    resolution: {
      type: "string",
      value: "PIXELS",
      number: "size",
      help: "the same as --image-size",
    },
    interpolate: {
      type: "string",
      value: "MODEL",
      help: "write the weights between MODEL and this one, as WiSE-FT does",
    },
    alpha: {
      type: "string",
      value: "SHARE",
      help: "share of the --interpolate model, 0 to 1 (default 0.5)",
    },
    activation: {
      type: "string",
      value: "NAME",
      help: "gelu, quick_gelu or gelu_pytorch_tanh, where the weights come without a config; VISION,TEXT if they differ",
    },
    heads: {
      type: "string",
      value: "VISION,TEXT",
      help: "attention heads of the towers, where the weights come without a config",
    },
    preset: {
      type: "string",
      value: "NAME",
      help: "the model that weights without a config are, by its name in open_clip (ViT-B-32-quickgelu)",
    },
    config: {
      type: "string",
      value: "FILE",
      help: "a config.json or open_clip_config.json for weights that come without one",
    },
    "self-check": {
      type: "string",
      choices: ["on", "off"],
      help: "prove that the result gives the model's features, and write self-check.json (default on)",
    },
    dtype: {
      type: "string",
      value: "LIST",
      help: "which files --to onnx writes: f32,f16,q8 (default all); the first is loaded by default",
    },
  },
  check: (args) => {
    precisionsOf(args);
    readChanges(args);
  },
  run: async (args) => (await import("./run.ts")).run(args),
};
