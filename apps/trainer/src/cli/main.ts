import { createRequire } from "node:module";
import { isClipError } from "@clip-ts/base";
import { UsageError, type Arguments, type Command } from "./command.ts";
import { commandHelp, commandLineHelp } from "./help.ts";
import { forgiveClosedPipe, keepingStdout } from "./output.ts";
import { optionOnStdout, parseArguments } from "./parse.ts";
import { suggestion } from "./text.ts";

const exitCodes = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** Words and options' values that a command may take for models of the hub. */
function hubModelsIn({ options }: Command, { positionals, text }: Arguments): string[] {
  const single = Object.entries(options).filter(([, { type, multiple }]) => type === "string" && multiple !== true);
  const words = [...positionals, ...single.flatMap(([name]) => text(name) ?? [])];
  return words.filter((word) => word.startsWith("hf:"));
}

async function perform(command: Command, args: Arguments): Promise<number> {
  const models = command.sendsModels === true ? [] : hubModelsIn(command, args);
  if (models.length > 0) await (await import("./fetch-models.ts")).fetchModels(models);
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

/** One readable message; the stack only when asked for. */
function report(error: unknown, withStack: boolean): number {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`clip-ts: ${message}\n`);
  if (withStack && error instanceof Error) process.stderr.write(`${error.stack ?? ""}\n`);
  if (error instanceof UsageError) return exitCodes.usage;
  if (isClipError(error) && error.code === "interrupted") return exitCodes.interrupted;
  return exitCodes.failed;
}

function findCommand(name: string, commands: readonly Command[]): Command {
  const command = commands.find((candidate) => candidate.name === name);
  if (command !== undefined) return command;
  const names = [...commands.map((candidate) => candidate.name), "help"];
  throw new UsageError(`There is no command "${name}".${suggestion(name, names)} See clip-ts --help.`);
}

/** What the words ask of the program itself: help, of it or of a command, or the version. */
function answer([name = "", topic, ...more]: readonly string[], commands: readonly Command[]): string | undefined {
  if (name === "--version" || name === "-V") return `${ownVersion()}\n`;
  if (!["--help", "-h", "help"].includes(name)) return undefined;
  if (topic === undefined || topic.startsWith("-")) return commandLineHelp(commands);
  if (more.length === 0) return commandHelp(findCommand(topic, commands));
  throw new UsageError(`help has no use for "${more.join(" ")}". Usage: clip-ts help COMMAND`);
}

/** Runs one command line. @returns the exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted. */
export async function runCommandLine(commands: readonly Command[], argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  forgiveClosedPipe();
  if (name === undefined) {
    process.stdout.write(commandLineHelp(commands));
    return exitCodes.usage;
  }
  try {
    const text = answer(argv, commands);
    if (text === undefined) return await runCommand(findCommand(name, commands), rest);
    process.stdout.write(text);
    return exitCodes.done;
  } catch (error) {
    return report(error, argv.includes("--debug"));
  }
}

/** Version of clip-ts, as its package says. */
function ownVersion(): string {
  const manifest = createRequire(import.meta.url)("../../package.json") as { version: string };
  return manifest.version;
}
