import { realpath } from "node:fs/promises";
import { resolve } from "node:path";
import { ClipError } from "@clip-ts/base";
import type { ExportPrecision } from "@clip-ts/jit";
import {
  describeTower,
  resolveModel,
  type OpenedModel,
  type TowerDescription,
} from "@clip-ts/node";
import { onNotice } from "../cli/notice.ts";
import type { Arguments, Command } from "../cli/command.ts";
import { UsageError } from "../cli/usage-error.ts";
import { parsePrecisions } from "./support/convert-onnx.ts";
import { graphExports } from "./support/graph-exports.ts";
import { imageSizeOption } from "./support/image-size.ts";
import { noteLost } from "./support/note-lost.ts";
import { readChanges, withChangedModel, withTower } from "./support/model-changes.ts";
import { weightTargets, writeConverted } from "./support/write-converted.ts";
import { towerOf, towerTargets, type OpenedTower } from "./support/write-tower.ts";

/** @throws UsageError for a target that there is not. */
function checkTarget(target: string): void {
  const all = [weightTargets, towerTargets, graphExports].flatMap((known) => Object.keys(known));
  if (all.includes(target)) return;
  throw new UsageError(`--to ${target}: expected ${all.slice(0, -1).join(", ")} or ${all.at(-1)}.`);
}

async function refuseSameFolder(model: string, output: string): Promise<void> {
  const target = await realpath(output).catch(() => resolve(output));
  if ((await realpath(await resolveModel(model))) !== target) return;
  throw new ClipError("bad-argument", `${output} is the model itself: give another folder.`);
}

/** The precisions of `--to onnx`. @throws UsageError for a `--dtype` that makes no sense. */
function precisionsOf(target: string, args: Arguments): readonly ExportPrecision[] {
  const dtype = args.text("dtype");
  if (dtype === undefined || target === "onnx") return parsePrecisions(dtype);
  throw new UsageError("--dtype goes with --to onnx only.");
}

/** What writes a target from a whole model. */
function writerOf(
  target: string,
  precisions: readonly ExportPrecision[],
): (opened: OpenedModel, output: string) => Promise<void> {
  const tower = towerTargets[target];
  if (tower !== undefined)
    return (opened, output) => tower.write(output, towerOf(tower.side, opened));
  const graph = graphExports[target];
  if (graph !== undefined) return (opened, output) => graph(opened, output, precisions);
  const weights = weightTargets[target]!;
  return (opened, output) => writeConverted(output, { target: weights, ...opened });
}

/** What writes a target from one tower alone. @throws ClipError "unsupported" for whole models' targets. */
function towerWriterOf(
  target: string,
  model: string,
  { tower }: TowerDescription,
): (opened: OpenedTower, output: string) => Promise<void> {
  const own = towerTargets[target];
  if (own?.side === tower.side) return (opened, output) => own.write(output, opened);
  const [other, fitting] =
    tower.side === "vision" ? ["text", "torchvision"] : ["vision", "roberta"];
  throw new ClipError(
    "unsupported",
    `${model} holds a ${tower.side} tower alone, which --to ${fitting} writes, and --to ${target} needs ` +
      `the ${other} tower too. To join the two, train a model that starts from them: "model.vision" and ` +
      '"model.text" in a run\'s config name them.',
    { data: { model, target, side: tower.side } },
  );
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
    "loads it; such a tower alone may also be MODEL. With --to onnx it is a folder " +
    "that @huggingface/transformers loads in Node and browsers; with --to savedmodel one for " +
    "TensorFlow Serving.",
  options: {
    to: {
      type: "string",
      value: "hf|openai|open_clip|big_vision|torchvision|roberta|onnx|savedmodel",
      required: true,
      help: "what to write",
    },
    "image-size": imageSizeOption,
    resolution: { type: "string", value: "PIXELS", help: "the same as --image-size" },
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
    const precisions = precisionsOf(target, args);
    const changes = readChanges(args);
    await refuseSameFolder(model, output);
    const tower = await describeTower(model, { ...changes.inferred, onNotice });
    if (tower !== undefined) {
      const write = towerWriterOf(target, model, tower);
      return withTower(model, tower, changes, async (opened) => {
        await write(opened, output);
        noteLost(target, opened.preprocess);
      });
    }
    const write = writerOf(target, precisions);
    const hasImages = towerTargets[target]?.side !== "text";
    return withChangedModel(model, changes, async (opened) => {
      await write(opened, output);
      if (hasImages) noteLost(target, opened.description.preprocess);
    });
  },
};
