import type { Command } from "../cli/command.ts";
import { imageSizeOption } from "../cli/options.ts";
import { convertTargets, precisionsOf, readChanges } from "./support/convert-options.ts";

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
      choices: convertTargets,
      required: true,
      help: "what to write",
    },
    "image-size": imageSizeOption,
    resolution: {
      type: "string",
      value: "PIXELS",
      number: "count",
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
    dtype: {
      type: "string",
      value: "LIST",
      help: "which files --to onnx writes: f32,f16,int8 (default all); the first is loaded by default",
    },
  },
  check: (args) => {
    precisionsOf(args);
    readChanges(args);
  },
  run: async (args) => (await import("./run/convert.ts")).run(args),
};
