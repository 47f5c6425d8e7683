import { realpath } from "node:fs/promises";
import { resolve } from "node:path";
import { ClipError } from "@clip-ts/base";
import { resolveModel, type OpenedModel } from "@clip-ts/node";
import type { Arguments, Command } from "../cli/command.ts";
import { UsageError } from "../cli/usage-error.ts";
import { parsePrecisions } from "./support/convert-onnx.ts";
import { graphExports } from "./support/graph-exports.ts";
import { readChanges, withChangedModel } from "./support/model-changes.ts";
import { weightTargets, writeConverted } from "./support/write-converted.ts";

/** @throws UsageError for a target that there is not. */
function checkTarget(target: string): void {
  const all = [...Object.keys(weightTargets), ...Object.keys(graphExports)];
  if (all.includes(target)) return;
  throw new UsageError(`--to ${target}: expected ${all.slice(0, -1).join(", ")} or ${all.at(-1)}.`);
}

async function refuseSameFolder(model: string, output: string): Promise<void> {
  const target = await realpath(output).catch(() => resolve(output));
  if ((await realpath(await resolveModel(model))) !== target) return;
  throw new ClipError("bad-argument", `${output} is the model itself: give another folder.`);
}

/** What writes a target. @throws UsageError for a `--dtype` that makes no sense. */
function writerOf(
  target: string,
  args: Arguments,
): (opened: OpenedModel, output: string) => Promise<void> {
  const dtype = args.text("dtype");
  if (dtype !== undefined && target !== "onnx") {
    throw new UsageError("--dtype goes with --to onnx only.");
  }
  const precisions = parsePrecisions(dtype);
  const graph = Object.hasOwn(graphExports, target) ? graphExports[target] : undefined;
  if (graph !== undefined) return (opened, output) => graph(opened, output, precisions);
  const weights = weightTargets[target]!;
  return (opened, output) => writeConverted(output, { target: weights, ...opened });
}

/** clip-ts convert */
export const convertCommand: Command = {
  name: "convert",
  words: "MODEL OUT",
  needs: 2,
  summary: "rewrite a model under other names, or as graphs that others run",
  details:
    "MODEL is a folder of Hugging Face's or open_clip's, a run, a file of weights (.safetensors, " +
    ".pt, .bin, .npz) or hf:owner/name. OUT becomes a folder with config.json, " +
    "preprocessor_config.json, the tokenizer's files and model.safetensors. Values are copied bit by " +
    "bit, whatever their type. With --to open_clip it is a folder that open_clip loads as " +
    "local-dir:OUT; with --to big_vision, for SigLIP, the weights are model.npz. With --to torchvision " +
    "only the vision tower is written, with --to roberta only the text tower, each as that library " +
    "loads it. With --to onnx it is a folder " +
    "that @huggingface/transformers loads in Node and browsers; with --to savedmodel one for " +
    "TensorFlow Serving.",
  options: {
    to: {
      type: "string",
      value: "hf|openai|open_clip|big_vision|torchvision|roberta|onnx|savedmodel",
      required: true,
      help: "what to write",
    },
    resolution: {
      type: "string",
      value: "PIXELS",
      help: "interpolate the positions for images of another size",
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
      help: "gelu or quick_gelu, where the weights come without a config",
    },
    dtype: {
      type: "string",
      value: "LIST",
      help: "which files --to onnx writes: f32,f16,int8 (default all); the first is loaded by default",
    },
  },
  async run(args) {
    const [model = "", output = ""] = args.positionals;
    const target = args.text("to") as string;
    checkTarget(target);
    const write = writerOf(target, args);
    const changes = readChanges(args);
    await refuseSameFolder(model, output);
    return withChangedModel(model, changes, (opened) => write(opened, output));
  },
};
