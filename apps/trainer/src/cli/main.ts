import { isClipError } from "@clip-ts/base";
import type { Command } from "./command.ts";
import { commandHelp, programHelp } from "./help.ts";
import { forgiveClosedPipe } from "./output.ts";
import { parseArguments } from "./parse.ts";
import { suggestion } from "./suggestion.ts";
import { UsageError } from "./usage-error.ts";

const exitCodes = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

async function runCommand(command: Command, argv: readonly string[]): Promise<number> {
  const args = parseArguments(command, argv);
  if (args === undefined) {
    process.stdout.write(commandHelp(command));
    return exitCodes.done;
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
  forgiveClosedPipe();
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
