import { realpath } from "node:fs/promises";
import { resolve } from "node:path";
import { ClipError } from "@clip-ts/base";
import { resolveModel } from "@clip-ts/node";
import type { Command } from "../cli/command.ts";
import { UsageError } from "../cli/usage-error.ts";
import { convertWeights } from "./support/convert-weights.ts";
import { graphExports } from "./support/graph-exports.ts";
import { weightTargets } from "./support/write-converted.ts";

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
    if (Object.hasOwn(graphExports, target)) {
      await refuseSameFolder(model, output);
      return graphExports[target]?.(model, output, args.text("dtype"));
    }
    if (args.text("dtype") !== undefined) throw new UsageError("--dtype goes with --to onnx only.");
    await refuseSameFolder(model, output);
    return convertWeights(args, { model, output, to: target });
  },
};
