import { ClipError } from "@clip-ts/base";
import type { Command } from "../cli/command.ts";
import type { Extension } from "../cli/extension.ts";
import { classifyCommand } from "./classify.ts";
import { completionCommand } from "./completion.ts";
import { convertCommand } from "./convert/command.ts";
import { dataCheckCommand } from "./data/check-command.ts";
import { dataIndexCommand } from "./data/index-command.ts";
import { dataPrepareCommand } from "./data/prepare-command.ts";
import { dataStatsCommand } from "./data/stats-command.ts";
import { doctorCommand } from "./doctor.ts";
import { embedCommand } from "./embed/command.ts";
import { evaluateCommand } from "./evaluate/command.ts";
import { forwardCommand } from "./forward/command.ts";
import { indexCommand } from "./index-pictures/command.ts";
import { modelsCommand } from "./models/command.ts";
import { preprocessCommand } from "./preprocess.ts";
import { pushCommand } from "./push.ts";
import { reportCommand } from "./report.ts";
import { runsCommand } from "./runs.ts";
import { serveCommand } from "./serve/command.ts";
import { searchCommand } from "./search/command.ts";
import { setupCommand } from "./setup.ts";
import { tokenizeCommand } from "./tokenize.ts";
import { trainCommand } from "./train/command.ts";

/** Puts a command into the place that it asks for. */
function withCommand(commands: readonly Command[], added: Command): Command[] {
  const { name, before } = added;
  if (commands.some((command) => command.name === name)) {
    throw new ClipError("bad-argument", `There are two commands "${name}": rename one of them.`);
  }
  const place = commands.findIndex((command) => command.name === before);
  return commands.toSpliced(place < 0 ? commands.length : place, 0, added);
}

/**
 * Every subcommand of a program, in the order of the help: the trainer's own and those that are added.
 * @throws ClipError "bad-argument" for a command that there is already.
 */
export function commandsWith({ commands = [], sources = [] }: Extension): readonly Command[] {
  const own: readonly Command[] = [
    trainCommand(sources),
    reportCommand,
    runsCommand,
    evaluateCommand(sources),
    classifyCommand,
    embedCommand,
    indexCommand,
    searchCommand,
    serveCommand,
    dataIndexCommand,
    dataStatsCommand(sources),
    dataCheckCommand(sources),
    dataPrepareCommand(sources),
    modelsCommand,
    convertCommand,
    pushCommand,
    forwardCommand,
    tokenizeCommand,
    preprocessCommand,
    doctorCommand,
    setupCommand,
    completionCommand(() => all),
  ];
  const all = commands.reduce(withCommand, own);
  return all;
}

/** The trainer's own subcommands. */
export const commands: readonly Command[] = commandsWith({});
