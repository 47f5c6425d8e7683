import type { Extension } from "./cli/extension.ts";
import { runCommandLine } from "./cli/main.ts";
import { commandsWith } from "./commands/index.ts";

export { UsageError, type Arguments, type Command, type OptionHelp } from "./cli/command.ts";
export type { Extension, OpeningOptions, SourceDefinition, SourceKind, SourceSettings } from "./cli/extension.ts";
export { countOption, engineOptions, numberOption } from "./cli/options.ts";
export { note, onNotice, print } from "./cli/output.ts";
export { percent, table } from "./cli/text.ts";

/**
 * Runs clip-ts with the given words and sets the process's exit code.
 * @param extension Commands and kinds of source that the program has beside the trainer's own.
 */
export async function main(argv: readonly string[], extension: Extension = {}): Promise<void> {
  process.exitCode = await runCommandLine(commandsWith(extension), argv);
}
