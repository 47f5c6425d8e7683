import type { ParseArgsConfig } from "node:util";

/** One option of a command. */
export interface OptionHelp {
  readonly type: "string" | "boolean";
  readonly short?: string;
  readonly multiple?: boolean;
  /** What stands for the value in the help, such as FILE. */
  readonly value?: string;
  readonly help: string;
}

/** Parsed words of a command line. */
export interface Arguments {
  readonly positionals: readonly string[];
  /** The last value of an option given once; undefined if absent. */
  readonly text: (name: string) => string | undefined;
  /** Every value of a repeatable option. */
  readonly texts: (name: string) => readonly string[];
  readonly flag: (name: string) => boolean;
}

/** A subcommand of clip-ts. */
export interface Command {
  readonly name: string;
  /** Positional words, as shown in the help: "MODEL IMAGE...". */
  readonly words: string;
  /** Fewest positional words. */
  readonly needs: number;
  readonly summary: string;
  readonly details?: string;
  readonly options: Readonly<Record<string, OptionHelp>>;
  /** @returns the exit code; nothing means 0. */
  readonly run: (args: Arguments) => Promise<number | void>;
}

/** Options that several commands share. */
export const engineOption: OptionHelp = {
  type: "string",
  value: "NAME",
  help: "auto, tensorflow-gpu, tensorflow, wasm or cpu (default auto)",
};

/** What node:util's parser wants to know about a command's options. */
export function parserOptions(command: Command): NonNullable<ParseArgsConfig["options"]> {
  const entries = Object.entries(command.options).map(([name, { type, short, multiple }]) => [
    name,
    { type, ...(short === undefined ? {} : { short }), ...(multiple === true ? { multiple } : {}) },
  ]);
  const own = Object.fromEntries(entries) as NonNullable<ParseArgsConfig["options"]>;
  return { ...own, help: { type: "boolean", short: "h" }, debug: { type: "boolean" } };
}
