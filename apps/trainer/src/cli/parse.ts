import { parseArgs, type ParseArgsConfig } from "node:util";
import { commonOptions, UsageError, type Arguments, type Command, type OptionHelp } from "./command.ts";
import { countOption, numberOption, sizeOption } from "./options.ts";
import { suggestion } from "./text.ts";

type ParserOptions = NonNullable<ParseArgsConfig["options"]>;

/** What node:util's parser wants to know about a command's options. */
function parserOptions(command: Command): ParserOptions {
  const known = Object.entries({ ...command.options, ...commonOptions });
  const entries = known.map(([name, { type, short, multiple = false }]) => [
    name,
    { type, multiple, ...(short === undefined ? {} : { short }) },
  ]);
  return Object.fromEntries(entries) as ParserOptions;
}

/** Node's message tells options from words; its hint about "--" confuses more than it helps. */
function explain(message: string, command: Command): string {
  const [start = ""] = message.split(". To specify");
  const wrong = /^Unknown option '(-+)(.+)'$/.exec(start);
  if (wrong === null) return `${start}.`;
  const [, dashes = "", name = ""] = wrong;
  const names = Object.keys({ ...command.options, ...commonOptions });
  const hint = dashes === "--" ? suggestion(name, names, "--") : "";
  return `${command.name} has no option "${dashes}${name}".${hint}`;
}

/** @throws UsageError if the words or options that a command needs are not there. */
function checkComplete(command: Command, args: Arguments): void {
  const { name, words, needs, options } = command;
  const usage = `Usage: clip-ts ${name} ${words}`.trimEnd();
  if (args.positionals.length < needs) {
    throw new UsageError(`${name} needs more words. ${usage}`);
  }
  const most = words.includes("...") ? Infinity : words.split(" ").filter(Boolean).length;
  if (args.positionals.length > most) {
    const extra = args.positionals.slice(most).join(" ");
    throw new UsageError(`${name} has no use for "${extra}". ${usage}`);
  }
  for (const [option, { required, choices, value }] of Object.entries(options)) {
    if (required !== true || args.text(option) !== undefined) continue;
    const wanted = value ?? choices?.join("|") ?? "VALUE";
    throw new UsageError(`${name} needs --${option} ${wanted}. See clip-ts ${name} --help.`);
  }
}

/**
 * The words after a command's name; undefined if they ask for help.
 * @throws UsageError for unknown options, missing or superfluous words, and values that make no sense.
 */
export function parseArguments(command: Command, argv: readonly string[]): Arguments | undefined {
  let parsed;
  try {
    const options = parserOptions(command);
    parsed = parseArgs({ args: [...argv], options, allowPositionals: true });
  } catch (cause) {
    const message = explain((cause as Error).message, command);
    throw new UsageError(`${message} See clip-ts ${command.name} --help.`, { cause });
  }
  const given = parsed.values as Readonly<Record<string, string | boolean | string[] | undefined>>;
  if (given["help"] === true) return undefined;
  const args: Arguments = {
    positionals: parsed.positionals,
    text: (name) => given[name] as string | undefined,
    texts: (name) => (given[name] as string[] | undefined) ?? [],
    flag: (name) => given[name] === true,
  };
  checkComplete(command, args);
  checkValues(command, args);
  command.check?.(args);
  return args;
}

/** "a, b or c". */
function listed(choices: readonly string[]): string {
  const [last = "", ...rest] = choices.toReversed();
  return rest.length === 0 ? last : `${rest.toReversed().join(", ")} or ${last}`;
}

function checkChoice(name: string, given: string, choices: readonly string[]): void {
  if (choices.includes(given)) return;
  const hint = suggestion(given, choices);
  throw new UsageError(`--${name} ${given}: expected ${listed(choices)}.${hint}`);
}

function checkValue(name: string, option: OptionHelp, args: Arguments): void {
  const { choices, number, multiple } = option;
  const given = multiple === true ? args.texts(name) : [args.text(name) ?? []].flat();
  if (choices !== undefined) for (const value of given) checkChoice(name, value, choices);
  if (number === "count") countOption(args, name);
  if (number === "size") sizeOption(args, name);
  if (number === "positive") numberOption(args, name);
}

/** The option whose file is to go to stdout, if one is. @throws UsageError if there are several. */
export function optionOnStdout({ options }: Command, { text }: Arguments): string | undefined {
  const [name, another] = Object.keys(options).filter(
    (option) => options[option]?.writes === true && text(option) === "-",
  );
  if (another === undefined) return name;
  throw new UsageError(`--${name} - and --${another} -: only one file fits on stdout.`);
}

/** @throws UsageError for a value that is none of an option's choices or not the number it takes. */
function checkValues(command: Command, args: Arguments): void {
  for (const [name, option] of Object.entries(command.options)) checkValue(name, option, args);
  optionOnStdout(command, args);
}
