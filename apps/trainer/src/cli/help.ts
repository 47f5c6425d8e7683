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

/** Help of the whole program. */
export function commandLineHelp(commands: readonly Command[]): string {
  const rows = commands.map((command): [string, string] => [command.name, command.summary]);
  return (
    "Train and run CLIP in TypeScript\n\n" +
    `Usage: clip-ts COMMAND [options]\n\nCommands:\n${twoColumns(rows)}\n\n` +
    "clip-ts help COMMAND explains a command, clip-ts --version (-V) names the version.\n"
  );
}

/** Shells that completion is written for. */
export const shells = ["bash", "zsh", "fish"] as const;
type Shell = (typeof shells)[number];

function optionsOf({ options }: Command): [string, OptionHelp][] {
  return Object.entries({ ...options, ...commonOptions });
}

/** Bash's case branches: what the words so far are, and what may follow. */
function bashValues(command: Command): string[] {
  return optionsOf(command).flatMap(([name, { choices, short }]) => {
    if (choices === undefined) return [];
    const words = [`--${name}`, ...(short === undefined ? [] : [`-${short}`])];
    const patterns = words.map((word) => `"${command.name} ${word}"`).join("|");
    return [`    ${patterns}) words="${choices.join(" ")}" ;;`];
  });
}

function bashScript(commands: readonly Command[]): string {
  const names = commands.map(({ name }) => name).join(" ");
  const options = commands.map((command) => {
    const words = optionsOf(command).map(([name]) => `--${name}`);
    return `    ${command.name}) options="${words.join(" ")}" ;;`;
  });
  return `_clip_ts() {
  local current="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}"
  local command="\${COMP_WORDS[1]}" words="" options=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${names} help --help --version" -- "$current"))
    return
  fi
  case "$command $before" in
    "help help") words="${names}" ;;
${commands.flatMap(bashValues).join("\n")}
  esac
  case "$command" in
${options.join("\n")}
  esac
  if [ -n "$words" ]; then
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  elif [ "\${current#-}" != "$current" ]; then
    COMPREPLY=($(compgen -W "$options" -- "$current"))
  else
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}
complete -o filenames -F _clip_ts clip-ts
`;
}

const fishQuoted = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;

function fishOption(command: Command, [name, option]: [string, OptionHelp]): string {
  const { type, short, choices, help } = option;
  const words = [
    `complete -c clip-ts -n '__fish_seen_subcommand_from ${command.name}' -l ${name}`,
    ...(short === undefined ? [] : [`-s ${short}`]),
    ...(type === "string" ? ["-r"] : []),
    ...(choices === undefined ? [] : ["-f", `-a ${fishQuoted(choices.join(" "))}`]),
    `-d ${fishQuoted(help)}`,
  ];
  return words.join(" ");
}

function fishScript(commands: readonly Command[]): string {
  const lines = commands.flatMap((command) => [
    `complete -c clip-ts -f -n '__fish_use_subcommand' -a ${command.name} -d ${fishQuoted(command.summary)}`,
    ...optionsOf(command).map((option) => fishOption(command, option)),
  ]);
  return `${lines.join("\n")}\n`;
}

/** A script for a shell that completes commands, options and their values, without starting clip-ts. */
export function completionScript(dialect: Shell, commands: readonly Command[]): string {
  if (dialect === "fish") return fishScript(commands);
  const script = bashScript(commands);
  return dialect === "bash" ? script : `autoload -U +X bashcompinit && bashcompinit\n${script}`;
}
