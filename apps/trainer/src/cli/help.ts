import { commonOptions, type Command, type OptionHelp } from "./command.ts";
import { terminalColumns, twoColumns, wrap } from "./text.ts";

function optionName(name: string, option: OptionHelp): string {
  const short = option.short === undefined ? "" : `-${option.short}, `;
  const value = option.value ?? option.choices?.join("|") ?? "VALUE";
  return `${short}--${name}${option.type === "string" ? ` ${value}` : ""}`;
}

/** Help of one command, for terminals of 80 columns. */
export function commandHelp(command: Command): string {
  const rows = Object.entries({ ...command.options, ...commonOptions }).map(([name, option]): [string, string] => [
    optionName(name, option),
    option.required === true ? `${option.help} (required)` : option.help,
  ]);
  const { details: text } = command;
  const details = text === undefined ? "" : `\n${wrap(text, terminalColumns).join("\n")}\n`;
  const usage = `Usage: clip-ts ${command.name} ${command.words}`.trimEnd();
  return `${command.summary}\n\n${usage}\n${details}\nOptions:\n${twoColumns(rows)}\n`;
}

/** The first words of commands' names: "data" of "data index". */
export function firstWords(commands: readonly Command[]): string[] {
  return [...new Set(commands.map(({ name }) => name.split(" ")[0] ?? ""))];
}

/** Commands whose names begin with a word and go on: "data index" of "data". */
export function inGroup(word: string, commands: readonly Command[]): Command[] {
  return commands.filter(({ name }) => name.startsWith(`${word} `));
}

/** Help of the commands that share a first word. */
export function groupHelp(word: string, commands: readonly Command[]): string {
  const rows = commands.map(({ name, summary }): [string, string] => [name.slice(word.length + 1), summary]);
  return (
    `Usage: clip-ts ${word} COMMAND [options]\n\nCommands:\n${twoColumns(rows)}\n\n` +
    `clip-ts ${word} COMMAND --help explains a command.\n`
  );
}

/** Help of the whole program. */
export function commandLineHelp(commands: readonly Command[]): string {
  const rows = commands.map((command): [string, string] => [command.name, command.summary]);
  return (
    "Train and run CLIP in TypeScript\n\n" +
    `Usage: clip-ts COMMAND [options]\n\nCommands:\n${twoColumns(rows)}\n\n` +
    "clip-ts help COMMAND explains a command, clip-ts --version (-V) names the version.\n"
  );
}
