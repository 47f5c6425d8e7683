import { isClipError } from "@clip-ts/base";
import type { Arguments, Command } from "./command.ts";
import { fetchModels } from "./fetch-models.ts";
import { commandHelp, programHelp } from "./help.ts";
import { forgiveClosedPipe } from "./output.ts";
import { parseArguments } from "./parse.ts";
import { suggestion } from "./suggestion.ts";
import { UsageError } from "./usage-error.ts";
import { programVersion } from "./version.ts";

const exitCodes = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** Words and options' values that a command may take for models. */
function modelsIn({ options }: Command, { positionals, text }: Arguments): string[] {
  const single = Object.entries(options).filter(
    ([, { type, multiple }]) => type === "string" && multiple !== true,
  );
  return [...positionals, ...single.flatMap(([name]) => text(name) ?? [])];
}

async function runCommand(command: Command, argv: readonly string[]): Promise<number> {
  const args = parseArguments(command, argv);
  if (args === undefined) {
    process.stdout.write(commandHelp(command));
    return exitCodes.done;
  }
  if (command.sendsModels !== true) await fetchModels(modelsIn(command, args));
  return (await command.run(args)) ?? exitCodes.done;
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

/** What the first word asks of the program itself: its help or version. */
function answer(name: string, commands: readonly Command[]): string | undefined {
  if (name === "--version") return `${programVersion()}\n`;
  return ["--help", "-h", "help"].includes(name) ? programHelp(commands) : undefined;
}

function findCommand(name: string, commands: readonly Command[]): Command {
  const command = commands.find((candidate) => candidate.name === name);
  if (command !== undefined) return command;
  const names = commands.map((candidate) => candidate.name);
  throw new UsageError(
    `There is no command "${name}".${suggestion(name, names)} See clip-ts --help.`,
  );
}

/** Runs one command line. @returns the exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted. */
export async function runProgram(
  commands: readonly Command[],
  argv: readonly string[],
): Promise<number> {
  const [name, ...rest] = argv;
  forgiveClosedPipe();
  if (name === undefined) {
    process.stdout.write(programHelp(commands));
    return exitCodes.usage;
  }
  try {
    const text = answer(name, commands);
    if (text === undefined) return await runCommand(findCommand(name, commands), rest);
    process.stdout.write(text);
    return exitCodes.done;
  } catch (error) {
    return report(error, argv.includes("--debug"));
  }
}
