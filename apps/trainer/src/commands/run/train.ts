import type { Arguments } from "../../cli/command.ts";
import { terminalColumns, wrap } from "../../cli/columns.ts";
import { engineOptions } from "../../cli/options.ts";
import { note } from "../../cli/output.ts";
import { quoteWord } from "../../cli/quote-word.ts";
import { recordedConfig } from "../support/train-options.ts";
import { loadConfig } from "../../config/load-config.ts";
import { runOptions, type RunOptions } from "../../config/run-options.ts";
import { describeEarlyStop } from "../../training/early-stopping.ts";
import { runTraining } from "../../training/run-training.ts";

/** The options on what computes, as settings of the config: both have the same names. */
function engineSettings({ text }: Arguments): string[] {
  return Object.keys(engineOptions).flatMap((name) => {
    const value = text(name);
    return value === undefined || (name === "device" && value === "auto")
      ? []
      : [`${name}=${value}`];
  });
}

/** The run of a YAML file; where a run's folder is to be resumed, the one that it recorded. */
async function readRun(args: Arguments): Promise<RunOptions> {
  const [place = ""] = args.positionals;
  const settings = [...args.texts("set"), ...engineSettings(args)];
  const recorded = recordedConfig(args);
  if (recorded === undefined) return runOptions(await loadConfig(place, settings));
  return runOptions(await loadConfig(recorded, [...settings, `run=${JSON.stringify(place)}`]));
}

/** clip-ts train */
export async function run(args: Arguments): Promise<number> {
  const options = await readRun(args);
  const result = await runTraining(options, { resume: args.flag("resume") });
  if (result.interrupted) {
    process.stderr.write(
      `Stopped after ${result.step} of ${options.steps} steps; saved ${result.checkpoint}.\n` +
        `Go on with: clip-ts train --resume ${quoteWord(options.run)}\n`,
    );
    return 130;
  }
  const { step: done, stoppedEarly } = result;
  if (stoppedEarly !== undefined) {
    const text = describeEarlyStop(stoppedEarly, { done, steps: options.steps });
    note(wrap(text, terminalColumns).join("\n"));
  }
  process.stdout.write(`Trained ${done} steps: ${result.checkpoint}\n`);
  return 0;
}
