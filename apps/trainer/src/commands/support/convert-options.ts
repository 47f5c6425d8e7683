import type { Activation } from "@clip-ts/core";
import type { ExportPrecision } from "@clip-ts/onnx";
import type { PerTower } from "@clip-ts/model";
import { type OpenModelOptions } from "@clip-ts/node";
import type { Arguments } from "../../cli/command.ts";
import { countOption } from "../../cli/number-option.ts";
import { UsageError } from "../../cli/usage-error.ts";

/** What `--to` writes: whole models under other names, one tower, graphs. A test compares with what there is. */
export const convertTargets: readonly string[] = [
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
export const dtypes: readonly ExportPrecision[] = ["f32", "f16", "int8"];

/** The precisions of `--to onnx`, such as "f32,int8"; all of them without it. @throws UsageError. */
export function precisionsOf({ text }: Pick<Arguments, "text">): readonly ExportPrecision[] {
  const given = text("dtype");
  if (given === undefined) return dtypes;
  if (text("to") !== "onnx") throw new UsageError("--dtype goes with --to onnx only.");
  const names = given.split(",").map((name) => name.trim());
  const find = (name: string): ExportPrecision | undefined => dtypes.find((own) => own === name);
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
  readonly imageSize: number | undefined;
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
    throw new UsageError(
      `--activation ${given}: expected one of ${known}, or two for VISION,TEXT.`,
    );
  };
  return { activation: perTower(given, find, refuse) };
}

/** `--heads VISION[,TEXT]`, for weights that come without a config. */
function headsOf(args: Arguments): OpenModelOptions {
  const given = args.text("heads");
  if (given === undefined) return {};
  const count = (part: string): number | undefined =>
    /^[1-9]\d{0,4}$/u.test(part) ? Number(part) : undefined;
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
function askedSize(args: Arguments): number | undefined {
  const [size, resolution] = [countOption(args, "image-size"), countOption(args, "resolution")];
  if (size !== undefined && resolution !== undefined && size !== resolution) {
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
