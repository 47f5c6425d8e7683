import type { Command, OptionHelp } from "./command.ts";

const columns = 80;

/** Breaks a text into lines of at most `width` characters. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/** Two columns: names left, explanations right and wrapped. */
function table(rows: readonly (readonly [string, string])[]): string {
  const left = Math.min(30, Math.max(...rows.map(([name]) => name.length)) + 4);
  const lines = rows.flatMap(([name, text]) => {
    const [first = "", ...rest] = wrap(text, columns - left);
    const opening =
      name.length + 4 > left
        ? [`  ${name}`, " ".repeat(left) + first]
        : [`  ${name}`.padEnd(left) + first];
    return [...opening, ...rest.map((line) => " ".repeat(left) + line)];
  });
  return lines.join("\n");
}

function optionName(name: string, option: OptionHelp): string {
  const short = option.short === undefined ? "" : `-${option.short}, `;
  return `${short}--${name}${option.type === "string" ? ` ${option.value ?? "VALUE"}` : ""}`;
}

const common: readonly (readonly [string, string])[] = [
  ["-h, --help", "show this help"],
  ["--debug", "show where an error came from"],
];

/** Help of one command, for terminals of 80 columns. */
export function commandHelp(command: Command): string {
  const rows = Object.entries(command.options).map(([name, option]): [string, string] => [
    optionName(name, option),
    option.help,
  ]);
  const details = command.details === undefined ? "" : `\n${command.details}\n`;
  const usage = `Usage: clip-ts ${command.name} ${command.words}`.trimEnd();
  return `${command.summary}\n\n${usage}\n${details}\nOptions:\n${table([...rows, ...common])}\n`;
}

/** Help of the whole program. */
export function programHelp(commands: readonly Command[]): string {
  const rows = commands.map((command): [string, string] => [command.name, command.summary]);
  return (
    "Train and run CLIP in TypeScript\n\n" +
    `Usage: clip-ts COMMAND [options]\n\nCommands:\n${table(rows)}\n\n` +
    "clip-ts COMMAND --help explains a command.\n"
  );
}
