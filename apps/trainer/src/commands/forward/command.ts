import type { Command } from "../../cli/command.ts";
import { engineOptions, imageSizeOption } from "../../cli/options.ts";

/** clip-ts forward */
export const forwardCommand: Command = {
  name: "forward",
  words: "MODEL IN.safetensors",
  needs: 2,
  summary: "run given tensors through a model, to compare implementations",
  details:
    "Reads pixel_values [images, 3, size, size] and/or input_ids [texts, tokens] of any " +
    "integer type. Writes image_embeds and text_embeds (rows of length 1), " +
    "image_last_hidden (before the last norm), text_last_hidden (after it), " +
    "logits_per_image and, for as many images as texts, loss. With one input only, that " +
    "side's outputs. Text towers that mask padding also take attention_mask [texts, tokens]. MODEL may be one tower alone " +
    "(torchvision's ViT, RoBERTa): then image_features or text_features as the tower gives them, and the " +
    "last hidden states.",
  options: {
    output: {
      type: "string",
      short: "o",
      value: "FILE",
      required: true,
      writes: true,
      help: "safetensors file to write; - is stdout",
    },
    grads: {
      type: "boolean",
      help: "also write the loss's gradient for every parameter, under its checkpoint name",
    },
    training: {
      type: "boolean",
      help: "as in a training step: batch norms use the batch; also write their running statistics",
    },
    "image-size": imageSizeOption,
    ...engineOptions,
  },
  run: async (args) => (await import("./run.ts")).run(args),
};
