import { parseArgs } from "node:util";
import { isClipError } from "@clip-ts/base";
import { type Arguments, type Command, parserOptions } from "./command.ts";
import { commandHelp, programHelp } from "./help.ts";
import { suggestion } from "./suggestion.ts";

/** A command line that cannot be understood: exit code 2. */
export class UsageError extends Error {}

const exitCodes = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

function parse(command: Command, argv: readonly string[]): { args: Arguments; help: boolean } {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      options: parserOptions(command),
      allowPositionals: true,
    });
    const given = values as Readonly<Record<string, string | boolean | string[] | undefined>>;
    const args: Arguments = {
      positionals,
      text: (name) => given[name] as string | undefined,
      texts: (name) => (given[name] as string[] | undefined) ?? [],
      flag: (name) => given[name] === true,
    };
    return { args, help: given["help"] === true };
  } catch (cause) {
    // Node's message tells options from words; its hint about "--" confuses more than it helps.
    const [message = ""] = (cause as Error).message.split(". To specify");
    throw new UsageError(`${message}. See clip-ts ${command.name} --help.`, { cause });
  }
}

async function runCommand(command: Command, argv: readonly string[]): Promise<number> {
  const { args, help } = parse(command, argv);
  if (help) {
    process.stdout.write(commandHelp(command));
    return exitCodes.done;
  }
  if (args.positionals.length < command.needs) {
    const usage = `Usage: clip-ts ${command.name} ${command.words}`;
    throw new UsageError(`${command.name} needs more words. ${usage}`);
  }
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

/** Runs one command line. @returns the exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted. */
export async function runProgram(
  commands: readonly Command[],
  argv: readonly string[],
): Promise<number> {
  const [name, ...rest] = argv;
  try {
    if (name === undefined || name === "--help" || name === "-h" || name === "help") {
      process.stdout.write(programHelp(commands));
      return name === undefined ? exitCodes.usage : exitCodes.done;
    }
    const command = commands.find((candidate) => candidate.name === name);
    if (command === undefined) {
      const names = commands.map((candidate) => candidate.name);
      throw new UsageError(
        `There is no command "${name}".${suggestion(name, names)} See clip-ts --help.`,
      );
    }
    return await runCommand(command, rest);
  } catch (error) {
    return report(error, argv.includes("--debug"));
  }
}
