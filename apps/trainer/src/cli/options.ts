import { sizeOf, type ImageSize } from "@clip-ts/base";
import type { MaxSkipped } from "@clip-ts/data";
import { UsageError, type Arguments, type OptionHelp } from "./command.ts";

/** What `--engine` takes: the library's engines, which a test compares, and "auto". */
const engines: readonly string[] = [
  "auto",
  "tensorflow-gpu",
  "onnx-gpu",
  "webgpu",
  "tensorflow",
  "onnx",
  "wasm",
  "cpu",
];

/** What computes: options that several commands share. */
export const engineOptions: Readonly<Record<string, OptionHelp>> = {
  engine: {
    type: "string",
    value: "NAME",
    choices: engines,
    help: "auto, tensorflow-gpu, onnx-gpu, webgpu, tensorflow, onnx, wasm or cpu (default auto)",
  },
  device: {
    type: "string",
    value: "NAME",
    choices: ["auto", "gpu", "cpu"],
    help: "auto, gpu or cpu (default auto)",
  },
  precision: {
    type: "string",
    choices: ["f32", "bf16"],
    help: "of matmuls; bf16 is faster and needs TensorFlow (default f32)",
  },
  threads: {
    type: "string",
    value: "N",
    number: "count",
    help: "threads that compute (default all)",
  },
};

/** The option that keeps a model's weights with fewer bits. */
export const dtypeOption: OptionHelp = {
  type: "string",
  value: "NAME",
  choices: ["f32", "f16", "q8"],
  help: "what weights are kept as, on ONNX Runtime: f32 (default), f16, or q8 (8 bits, faster on processors with VNNI)",
};

/** The option that says what language captions are in. */
export const languageOption: OptionHelp = {
  type: "string",
  value: "CODE",
  help: "of captions, for models that read NLLB's tokens: deu_Latn, for example (default eng_Latn)",
};

/** The option that opens a model for images of another size. */
export const imageSizeOption: OptionHelp = {
  type: "string",
  value: "PIXELS",
  number: "size",
  help: "interpolate the positions for images of another size: 256, or 240x320 for height and width",
};

/** The option that bounds batches of pictures that keep their shape. */
export const maxTokensOption: OptionHelp = {
  type: "string",
  value: "N",
  number: "count",
  help: "of models whose pictures keep their shape (NaFlex): most patches of a batch, padding counted",
};

/** The option that holds a model against its proof more often, or never. */
export const selfCheckOption: OptionHelp = {
  type: "string",
  value: "WHEN",
  choices: ["first-use", "always", "off"],
  help: "hold a model against its self-check.json on first-use of an engine (default), always, or off",
};

/** The option that honours orientation tags. */
export const exifOption: OptionHelp = {
  type: "boolean",
  help: "turn photographs upright as their EXIF tag says; the originals do not",
};

/** The option that lets more, or fewer, faults pass. */
export const maxSkippedOption: OptionHelp = {
  type: "string",
  value: "N|N%",
  help: "faulty rows and images that may be left out (default 1%, but never fewer than 10)",
};

/** The option as a positive number, or undefined if it was not given. */
export function numberOption(args: Pick<Arguments, "text">, name: string): number | undefined {
  const text = args.text(name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new UsageError(`--${name} ${text}: expected a positive number.`);
}

/** The option as a whole number from 1, or undefined if it was not given. */
export function countOption(args: Pick<Arguments, "text">, name: string): number | undefined {
  const value = numberOption(args, name);
  if (value === undefined || Number.isSafeInteger(value)) return value;
  throw new UsageError(`--${name} ${value}: expected a whole number.`);
}

/** The option as a size in pixels: a number, or HEIGHTxWIDTH; undefined if it was not given. */
export function sizeOption(args: Pick<Arguments, "text">, name: string): ImageSize | undefined {
  const given = args.text(name);
  if (given === undefined) return undefined;
  const [, height, width = height] = /^([1-9]\d*)(?:x([1-9]\d*))?$/u.exec(given) ?? [];
  if (height !== undefined) return sizeOf({ height: Number(height), width: Number(width) });
  throw new UsageError(`--${name} ${given}: expected whole pixels, such as 256, or 240x320 for height and width.`);
}

/** `--max-skipped` as a number or a share; undefined for the default. */
export function maxSkippedOf({ text }: Pick<Arguments, "text">): MaxSkipped | undefined {
  const given = text("max-skipped");
  if (given === undefined) return undefined;
  if (/^\d+$/.test(given)) return Number(given);
  if (/^\d+(\.\d+)?%$/.test(given)) return given as MaxSkipped;
  throw new UsageError(`--max-skipped ${given}: expected a whole number, or a share such as 5%.`);
}
