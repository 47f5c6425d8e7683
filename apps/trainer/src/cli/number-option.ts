import type { Arguments } from "./command.ts";
import { UsageError } from "./usage-error.ts";

/** The option as a positive number, or undefined if it was not given. */
export function numberOption(args: Pick<Arguments, "text">, name: string): number | undefined {
  const text = args.text(name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new UsageError(`--${name} ${text}: expected a positive number.`);
}

/** The option as a whole number from 1, or undefined if it was not given. */
export function countOption(args: Pick<Arguments, "text">, name: string): number | undefined {
  const value = numberOption(args, name);
  if (value === undefined || Number.isSafeInteger(value)) return value;
  throw new UsageError(`--${name} ${value}: expected a whole number.`);
}
