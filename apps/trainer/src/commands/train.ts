import { type Arguments, type Command, engineOptions } from "../cli/command.ts";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { terminalColumns, wrap } from "../cli/columns.ts";
import { note } from "../cli/output.ts";
import { quoteWord } from "../cli/quote-word.ts";
import { UsageError } from "../cli/usage-error.ts";
import { loadConfig } from "../config/load-config.ts";
import { describeEarlyStop } from "../training/early-stopping.ts";
import type { RunConfig } from "../config/schema.ts";
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

/** The config of a YAML file; where a run's folder is to be resumed, the one that it recorded. */
function readConfig(
  place: string,
  settings: readonly string[],
  resume: boolean,
): Promise<RunConfig> {
  const recorded = join(place, "config.yaml");
  if (!existsSync(recorded)) return loadConfig(place, settings);
  if (resume) return loadConfig(recorded, [...settings, `run=${JSON.stringify(place)}`]);
  throw new UsageError(
    `${place} is a run's folder: go on with it by clip-ts train --resume ${quoteWord(place)}, or ` +
      "name a config file to begin another run.",
  );
}

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
  async run(args) {
    const { positionals, texts, flag } = args;
    const settings = [...texts("set"), ...engineSettings(args)];
    const resume = flag("resume");
    const config = await readConfig(positionals[0] as string, settings, resume);
    const result = await runTraining(config, { resume });
    if (result.interrupted) {
      process.stderr.write(
        `Stopped after ${result.step} of ${config.steps} steps; saved ${result.checkpoint}.\n` +
          `Go on with: clip-ts train --resume ${quoteWord(config.run)}\n`,
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
