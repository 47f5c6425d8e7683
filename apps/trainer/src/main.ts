import { runProgram } from "./cli/main.ts";
import { commands } from "./commands/index.ts";

/** Runs clip-ts with the given words and sets the process's exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  process.exitCode = await runProgram(commands, argv);
}

// The parts of a training run, for programs that drive the steps themselves.
export { openTrainingBatches } from "./config/batches.ts";
export { parseConfig } from "./config/load-config.ts";
export { openRunModel } from "./config/model.ts";
export { openSession } from "./training/open-session.ts";
