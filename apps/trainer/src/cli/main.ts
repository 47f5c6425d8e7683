import { createRequire } from "node:module";
import { isHubReference, type WeightsDtype } from "@clip-ts/base";
import { UsageError, type Arguments, type Command } from "./command.ts";
import { commandHelp, commandLineHelp, firstWords, groupHelp, inGroup } from "./help.ts";
import { dtypeOption } from "./options.ts";
import { forgiveClosedPipe, keepingStdout } from "./output.ts";
import { optionOnStdout, parseArguments } from "./parse.ts";
import { exitCodes, reportError } from "./report-error.ts";
import { suggestion } from "./text.ts";

/** What a command takes as a model: the words and options that its help calls so. */
function modelsIn({ words, options }: Command, { positionals, text }: Arguments): string[] {
  const places = words.split(" ");
  const positional = positionals.filter((_, place) => places[place] === "MODEL");
  const named = Object.entries(options).filter(([, { value, multiple }]) => value === "MODEL" && multiple !== true);
  return [...positional, ...named.flatMap(([name]) => text(name) ?? [])];
}

/** Words and options' values that a command may take for models of the hub; hf:// is where its data sets lie. */
function hubModelsIn({ options }: Command, { positionals, text }: Arguments): string[] {
  const single = Object.entries(options).filter(([, { type, multiple }]) => type === "string" && multiple !== true);
  const words = [...positionals, ...single.flatMap(([name]) => text(name) ?? [])];
  return words.filter((word) => isHubReference(word) && !word.startsWith("hf://"));
}

async function perform(command: Command, args: Arguments): Promise<number> {
  const isSent = command.sendsModels === true;
  const models = isSent ? [] : [...new Set([...hubModelsIn(command, args), ...modelsIn(command, args)])];
  const isOfWeights = command.options["dtype"] === dtypeOption; // not of an index's numbers
  const dtype = isOfWeights ? (args.text("dtype") as WeightsDtype | undefined) : undefined;
  if (models.length > 0) await (await import("./fetch-models.ts")).fetchModels(models, { dtype });
  return (await command.run(args)) ?? exitCodes.done;
}

async function runCommand(command: Command, argv: readonly string[]): Promise<number> {
  const args = parseArguments(command, argv);
  if (args === undefined) {
    process.stdout.write(commandHelp(command));
    return exitCodes.done;
  }
  const isPiped = optionOnStdout(command, args) !== undefined;
  return isPiped ? keepingStdout(() => perform(command, args)) : perform(command, args);
}

/** What the first words of a command line name: a command of one or two words, and the words behind it. */
interface Found {
  readonly command: Command;
  readonly rest: readonly string[];
}

const helpWords: ReadonlySet<string | undefined> = new Set(["--help", "-h"]);

/** @throws UsageError for words that no command is called by. */
function findCommand([name = "", ...rest]: readonly string[], commands: readonly Command[]): Found {
  const command = commands.find((candidate) => candidate.name === name);
  if (command !== undefined) return { command, rest };
  const group = inGroup(name, commands);
  if (group.length === 0) {
    const names = [...firstWords(commands), "help"];
    throw new UsageError(`There is no command "${name}".${suggestion(name, names)} See clip-ts --help.`);
  }
  const [second = "", ...more] = rest;
  const member = group.find((candidate) => candidate.name === `${name} ${second}`);
  if (member !== undefined) return { command: member, rest: more };
  const names = group.map((candidate) => candidate.name.slice(name.length + 1));
  throw new UsageError(
    `There is no command "${name} ${second}".${suggestion(second, names)} See clip-ts ${name} --help.`,
  );
}

/** Help of a command, or of those that share a first word. */
function helpOf(words: readonly string[], commands: readonly Command[]): string {
  const [name = "", second] = words;
  const group = inGroup(name, commands);
  if (group.length > 0 && second === undefined) return groupHelp(name, group);
  const { command, rest } = findCommand(words, commands);
  if (rest.length === 0) return commandHelp(command);
  throw new UsageError(`help has no use for "${rest.join(" ")}". Usage: clip-ts help COMMAND`);
}

/** What the words ask of the program itself: help, of it or of a command, or the version. */
function answer([name = "", ...words]: readonly string[], commands: readonly Command[]): string | undefined {
  if (name === "--version" || name === "-V") return `${ownVersion()}\n`;
  if (inGroup(name, commands).length > 0 && helpWords.has(words[0])) return helpOf([name], commands);
  if (name !== "help" && !helpWords.has(name)) return undefined;
  const [topic] = words;
  return topic === undefined || topic.startsWith("-") ? commandLineHelp(commands) : helpOf(words, commands);
}

/** The help that words of no use are answered by: none at all, or the first of two. */
function missingWords([name, ...rest]: readonly string[], commands: readonly Command[]): string | undefined {
  if (name === undefined) return commandLineHelp(commands);
  return rest.length === 0 && inGroup(name, commands).length > 0 ? helpOf([name], commands) : undefined;
}

/** Runs one command line. @returns the exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted. */
export async function runCommandLine(commands: readonly Command[], argv: readonly string[]): Promise<number> {
  forgiveClosedPipe();
  const missing = missingWords(argv, commands);
  if (missing !== undefined) {
    process.stdout.write(missing);
    return exitCodes.usage;
  }
  try {
    const text = answer(argv, commands);
    if (text === undefined) {
      const { command, rest } = findCommand(argv, commands);
      return await runCommand(command, rest);
    }
    process.stdout.write(text);
    return exitCodes.done;
  } catch (error) {
    return reportError(error, argv.includes("--debug"));
  }
}

/** Version of clip-ts, as its package says. */
function ownVersion(): string {
  const manifest = createRequire(import.meta.url)("../../package.json") as { version: string };
  return manifest.version;
}
