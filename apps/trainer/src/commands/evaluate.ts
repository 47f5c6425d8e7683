import type { Command } from "../cli/command.ts";
import { engineOptions, imageSizeOption, maxSkippedOption } from "../cli/options.ts";
import { checkEvaluation } from "./support/evaluate-options.ts";

/** clip-ts evaluate */
export const evaluateCommand: Command = {
  name: "evaluate",
  words: "MODEL",
  needs: 1,
  summary: "measure retrieval, zero-shot accuracy and linear probes",
  details:
    "DATA is a folder of images with captions in .txt files beside them, a .csv, .tsv or " +
    ".jsonl table (also with .gz), or emoji:fluent (or another vendor). FOLDER holds one " +
    "folder of images for each class; links are followed. What is left out, such as " +
    "unreadable images, is counted and listed at the end.",
  options: {
    retrieval: {
      type: "string",
      value: "DATA",
      help: "find captions by image and images by caption: R@1, R@5, R@10, ranks",
    },
    captions: {
      type: "string",
      choices: ["first", "all"],
      help: "texts of an image in retrieval (default all; for emoji first, the name)",
    },
    "zero-shot": {
      type: "string",
      value: "FOLDER",
      help: "name each image's class: top-1, top-5 and mean per class",
    },
    templates: {
      type: "string",
      value: "NAME|FILE",
      help: "openai (80, default), simple (7) or a file with one a line, {} for the class; @FILE for one called so",
    },
    classes: {
      type: "string",
      value: "NAME|FILE",
      help: "imagenet, or a file with the classes' names, one a line, in the folders' alphabetical order; @FILE for one called so",
    },
    "linear-probe": {
      type: "string",
      value: "FOLDER",
      help: "fit a logistic regression on image features; a fifth is held out as its test",
    },
    "probe-test": { type: "string", value: "FOLDER", help: "test images of the probe's classes" },
    shots: { type: "string", value: "N,N", help: "also probes on so few images of each class" },
    diagnostics: {
      type: "boolean",
      help: "with --retrieval: alignment, uniformity, modality gap, effective rank",
    },
    separator: {
      type: "string",
      value: "C",
      help: "character between the values of DATA's table (default , in .csv, a tab in .tsv)",
    },
    quoting: {
      type: "string",
      choices: ["standard", "none"],
      help: "none: double quotes in DATA's table are text (default standard)",
    },
    "max-skipped": maxSkippedOption,
    limit: {
      type: "string",
      value: "N",
      number: "count",
      help: "at most N images; of each class, where there are",
    },
    json: {
      type: "string",
      value: "FILE",
      writes: true,
      help: "also write everything as JSON; - is stdout, and the tables go to stderr",
    },
    report: {
      type: "string",
      value: "FILE",
      writes: true,
      help: "also draw everything as an HTML page; - is stdout",
    },
    "image-size": imageSizeOption,
    ...engineOptions,
  },
  check: checkEvaluation,
  run: async (args) => (await import("./run/evaluate.ts")).run(args),
};
