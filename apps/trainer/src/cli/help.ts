import { terminalColumns, twoColumns, wrap } from "./columns.ts";
import { commonOptions, type Command, type OptionHelp } from "./command.ts";

function optionName(name: string, option: OptionHelp): string {
  const short = option.short === undefined ? "" : `-${option.short}, `;
  const value = option.value ?? option.choices?.join("|") ?? "VALUE";
  return `${short}--${name}${option.type === "string" ? ` ${value}` : ""}`;
}

/** Help of one command, for terminals of 80 columns. */
export function commandHelp(command: Command): string {
  const rows = Object.entries({ ...command.options, ...commonOptions }).map(
    ([name, option]): [string, string] => [
      optionName(name, option),
      option.required === true ? `${option.help} (required)` : option.help,
    ],
  );
  const { details: text } = command;
  const details = text === undefined ? "" : `\n${wrap(text, terminalColumns).join("\n")}\n`;
  const usage = `Usage: clip-ts ${command.name} ${command.words}`.trimEnd();
  return `${command.summary}\n\n${usage}\n${details}\nOptions:\n${twoColumns(rows)}\n`;
}

/** Help of the whole program. */
export function programHelp(commands: readonly Command[]): string {
  const rows = commands.map((command): [string, string] => [command.name, command.summary]);
  return (
    "Train and run CLIP in TypeScript\n\n" +
    `Usage: clip-ts COMMAND [options]\n\nCommands:\n${twoColumns(rows)}\n\n` +
    "clip-ts help COMMAND explains a command, clip-ts --version (-V) names the version.\n"
  );
}
