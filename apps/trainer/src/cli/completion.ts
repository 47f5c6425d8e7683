import { commonOptions, type Command, type OptionHelp } from "./command.ts";
import { firstWords, inGroup } from "./help.ts";

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

/** First words that have second ones, and these. */
function groupsOf(commands: readonly Command[]): (readonly [word: string, seconds: readonly string[]])[] {
  const groups = firstWords(commands).map((word) => [word, inGroup(word, commands)] as const);
  return groups
    .filter(([, members]) => members.length > 0)
    .map(([word, members]) => [word, members.map(({ name }) => name.slice(word.length + 1))] as const);
}

function bashScript(commands: readonly Command[]): string {
  const names = firstWords(commands).join(" ");
  const options = commands.map((command) => {
    const words = optionsOf(command).map(([name]) => `--${name}`);
    return `    "${command.name}") options="${words.join(" ")}" ;;`;
  });
  const groups = groupsOf(commands);
  const seconds = groups.map(([word, words]) => `    "${word} 2"|"help ${word} 3") words="${words.join(" ")}" ;;`);
  const joins = groups.map(([word]) => `    ${word}) command="$command \${COMP_WORDS[2]}" ;;`);
  return `_clip_ts() {
  local current="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}"
  local command="\${COMP_WORDS[1]}" words="" options=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${names} help --help --version" -- "$current"))
    return
  fi
  case "\${COMP_WORDS[*]:1:$COMP_CWORD-1} $COMP_CWORD" in
    "help 2") words="${names}" ;;
${seconds.join("\n")}
  esac
  case "$command" in
${joins.join("\n")}
  esac
  case "$command $before" in
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

/** When a command has been named: each of its words is there. */
function fishNamed({ name }: Command): string {
  const seen = name.split(" ").map((word) => `__fish_seen_subcommand_from ${word}`);
  return fishQuoted(seen.join("; and "));
}

function fishOption(command: Command, [name, option]: [string, OptionHelp]): string {
  const { type, short, choices, help } = option;
  const words = [
    `complete -c clip-ts -n ${fishNamed(command)} -l ${name}`,
    ...(short === undefined ? [] : [`-s ${short}`]),
    ...(type === "string" ? ["-r"] : []),
    ...(choices === undefined ? [] : ["-f", `-a ${fishQuoted(choices.join(" "))}`]),
    `-d ${fishQuoted(help)}`,
  ];
  return words.join(" ");
}

function fishName({ name, summary }: Command, groups: ReturnType<typeof groupsOf>): string[] {
  const [first = "", second] = name.split(" ");
  const described = (word: string, when: string): string =>
    `complete -c clip-ts -f -n ${fishQuoted(when)} -a ${word} -d ${fishQuoted(summary)}`;
  if (second === undefined) return [described(first, "__fish_use_subcommand")];
  const [, seconds = []] = groups.find(([word]) => word === first) ?? [];
  const opening = `complete -c clip-ts -f -n '__fish_use_subcommand' -a ${first}`;
  const when = `__fish_seen_subcommand_from ${first}; and not __fish_seen_subcommand_from ${seconds.join(" ")}`;
  return [...(seconds[0] === second ? [opening] : []), described(second, when)];
}

function fishScript(commands: readonly Command[]): string {
  const groups = groupsOf(commands);
  const lines = commands.flatMap((command) => [
    ...fishName(command, groups),
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
