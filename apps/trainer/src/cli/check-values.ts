import type { Arguments, Command, OptionHelp } from "./command.ts";
import { countOption, numberOption } from "./number-option.ts";
import { suggestion } from "./suggestion.ts";
import { UsageError } from "./usage-error.ts";

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
export function checkValues(command: Command, args: Arguments): void {
  for (const [name, option] of Object.entries(command.options)) checkValue(name, option, args);
  optionOnStdout(command, args);
}
