import { runProgram } from "./cli/main.ts";
import { commands } from "./commands/index.ts";

/** Runs clip-ts with the given words and sets the process's exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  process.exitCode = await runProgram(commands, argv);
}
