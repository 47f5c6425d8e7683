import { existsSync } from "node:fs";
import { join } from "node:path";
import { UsageError, type Arguments, type Command } from "../../cli/command.ts";
import { engineOptions } from "../../cli/options.ts";
import type { SourceKind } from "../../cli/extension.ts";
import { note, print, say } from "../../cli/output.ts";
import { quoteWord, terminalColumns, wrap } from "../../cli/text.ts";
import type { Communicator } from "@clip-ts/distributed";
import { rankOptions } from "../../cli/rank-options.ts";
import type { Settings } from "../../config/load-config.ts";
import type { RunOptions } from "../../config/options.ts";
import type { RunConfig } from "../../config/schema.ts";

/**
 * The config that a run recorded, if the first word is a run's folder; undefined for a config file.
 * @throws UsageError for a run's folder that is not to be resumed.
 */
function recordedConfig({ positionals, flag }: Arguments): string | undefined {
  const [place = ""] = positionals;
  const recorded = join(place, "config.yaml");
  if (!existsSync(recorded)) return undefined;
  if (flag("resume")) return recorded;
  throw new UsageError(
    `${place} is a run's folder: go on with it by clip-ts train --resume ${quoteWord(place)}, or ` +
      "name a config file to begin another run.",
  );
}

/** The options on what computes, as settings of the config: both have the same names. */
function engineSettings({ text }: Arguments): string[] {
  return Object.keys(engineOptions).flatMap((name) => {
    const value = text(name);
    return value === undefined || (name === "device" && value === "auto") ? [] : [`${name}=${value}`];
  });
}

/** The run of a YAML file that rank 0 reads for all; where a run's folder is to be resumed, the one that it recorded. */
async function readRun(ranks: Communicator, args: Arguments, kinds: readonly SourceKind[]): Promise<RunOptions> {
  const { loadConfig } = await import("../../config/load-config.ts");
  const { runOptions } = await import("../../config/run-options.ts");
  const { loadSources } = await import("../../config/sources.ts");
  const { settleEpochs } = await import("../../config/settle-epochs.ts");
  const { broadcastJson } = await import("../../distributed/messages.ts");
  const sources = await loadSources(kinds);
  const settle = (data: Settings, label: string): Promise<Settings> => settleEpochs(data, label, sources);
  const read = (path: string, settings: readonly string[]): Promise<RunConfig> =>
    loadConfig(path, settings, sources, settle);
  const [place = ""] = args.positionals;
  const settings = [...args.texts("set"), ...engineSettings(args)];
  const readOwn = (): Promise<RunConfig> => {
    const recorded = recordedConfig(args);
    if (recorded === undefined) return read(place, settings);
    return read(recorded, [...settings, `run=${JSON.stringify(place)}`]);
  };
  const own = ranks.rank === 0 ? await readOwn() : undefined;
  return runOptions(ranks.size === 1 ? (own as RunConfig) : await broadcastJson(ranks, own), sources);
}

async function trainOn(ranks: Communicator, args: Arguments, options: RunOptions): Promise<number> {
  const { describeEarlyStop } = await import("./early-stopping.ts");
  const { runTraining } = await import("./run-training.ts");
  const { drawRunPage } = await import("../../pages/training-report.ts");
  const resume = args.flag("resume");
  const result = await runTraining(options, { resume, ranks, onEnd: drawRunPage });
  if (result.interrupted) {
    say(
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
  print(`Trained ${done} steps: ${result.checkpoint}`);
  return 0;
}

/** Trains alone, or with the other ranks that a launcher started. */
async function run(args: Arguments, kinds: readonly SourceKind[]): Promise<number> {
  const { joinOptionsOf, withRanks } = await import("../../distributed/join.ts");
  let [folder = ""] = args.positionals;
  const advice = (): string =>
    `Go on from the last checkpoint, on any number of ranks: clip-ts train --resume ${quoteWord(folder)}`;
  return withRanks(joinOptionsOf(args, advice), async (ranks) => {
    const options = await readRun(ranks, args, kinds);
    folder = options.run;
    return trainOn(ranks, args, options);
  });
}

/** clip-ts train, on data of these kinds beside the trainer's own. */
export const trainCommand = (sources: readonly SourceKind[]): Command => ({
  name: "train",
  words: "CONFIG|RUN",
  needs: 1,
  summary: "train or fine-tune a model as a YAML config says",
  details:
    "Ctrl-C saves a checkpoint and exits with code 130; train --resume RUN goes on exactly there, " +
    "with the settings in the run's config.yaml. Other settings are refused by name, but for those that " +
    "change no step: steps, checkpoint, evaluate, engine, threads and the like.\n" +
    "The run folder receives config.yaml, metrics.jsonl and checkpoints/.\n" +
    "Started by mpirun or srun on several ranks, they share each step: data.batchSize counts the pairs of all.",
  options: {
    set: {
      type: "string",
      multiple: true,
      value: "KEY=VALUE",
      help: "override a setting: steps=100",
    },
    resume: { type: "boolean", help: "go on from the run's last checkpoint" },
    ...rankOptions,
    ...engineOptions,
  },
  check: (args) => void recordedConfig(args),
  run: (args) => run(args, sources),
});
