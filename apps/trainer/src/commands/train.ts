import { type Arguments, type Command, engineOptions } from "../cli/command.ts";
import { terminalColumns, wrap } from "../cli/columns.ts";
import { note } from "../cli/output.ts";
import { loadConfig } from "../config/load-config.ts";
import { describeEarlyStop } from "../training/early-stopping.ts";
import { runTraining } from "../training/run-training.ts";

/** The options on what computes, as settings of the config: both have the same names. */
function engineSettings({ text }: Arguments): string[] {
  return Object.keys(engineOptions).flatMap((name) => {
    const value = text(name);
    return value === undefined || (name === "device" && value === "auto")
      ? []
      : [`${name}=${value}`];
  });
}

/** clip-ts train */
export const trainCommand: Command = {
  name: "train",
  words: "CONFIG",
  needs: 1,
  summary: "train or fine-tune a model as a YAML config says",
  details:
    "Ctrl-C saves a checkpoint and exits with code 130; --resume goes on exactly there.\n" +
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
  async run(args) {
    const { positionals, texts, flag } = args;
    const settings = [...texts("set"), ...engineSettings(args)];
    const config = await loadConfig(positionals[0] as string, settings);
    const result = await runTraining(config, { resume: flag("resume") });
    if (result.interrupted) {
      process.stderr.write(
        `Stopped after ${result.step} of ${config.steps} steps; saved ${result.checkpoint}.\n` +
          `Go on with: clip-ts train ${positionals[0]} --resume\n`,
      );
      return 130;
    }
    const { step: done, stoppedEarly } = result;
    if (stoppedEarly !== undefined) {
      const text = describeEarlyStop(stoppedEarly, { done, ...config });
      note(wrap(text, terminalColumns).join("\n"));
    }
    process.stdout.write(`Trained ${done} steps: ${result.checkpoint}\n`);
    return 0;
  },
};
