import type { Command } from "../cli/command.ts";
import { engineOptions } from "../cli/options.ts";
import { recordedConfig } from "./support/train-options.ts";

/** clip-ts train */
export const trainCommand: Command = {
  name: "train",
  words: "CONFIG|RUN",
  needs: 1,
  summary: "train or fine-tune a model as a YAML config says",
  details:
    "Ctrl-C saves a checkpoint and exits with code 130; train --resume RUN goes on exactly there, " +
    "with the settings in the run's config.yaml. Other settings are refused by name, but for those that " +
    "change no step: steps, checkpoint, evaluate, engine, threads and the like.\n" +
    "The run folder receives config.yaml, metrics.jsonl and checkpoints/.",
  options: {
    set: {
      type: "string",
      multiple: true,
      value: "KEY=VALUE",
      help: "override a setting: steps=100",
    },
    resume: { type: "boolean", help: "go on from the run's last checkpoint" },
    ...engineOptions,
  },
  check: (args) => void recordedConfig(args),
  run: async (args) => (await import("./run/train.ts")).run(args),
};
