/** One option of a command. */
export interface OptionHelp {
  readonly type: "string" | "boolean";
  readonly short?: string;
  readonly multiple?: boolean;
  /** A command line without it is refused. */
  readonly required?: boolean;
  /** What stands for the value in the help, such as FILE; the choices if absent. */
  readonly value?: string;
  /** The only values there are. */
  readonly choices?: readonly string[];
  /** The value is a number above 0, such a whole number, or a size in pixels: one of these, or HEIGHTxWIDTH. */
  readonly number?: "positive" | "count" | "size";
  /** The value is a file to write, or "-" for stdout, which then holds that file alone. */
  readonly writes?: true;
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
  /** One word, or two: "data index". */
  readonly name: string;
  /** Positional words, as shown in the help: "MODEL IMAGE...". */
  readonly words: string;
  /** Fewest positional words. */
  readonly needs: number;
  readonly summary: string;
  /** The command that help lists it before; the last one if absent. */
  readonly before?: string;
  /** Sentences; the help breaks them into lines. */
  readonly details?: string;
  readonly options: Readonly<Record<string, OptionHelp>>;
  /** Words such as hf:owner/name are where it sends to, not models to fetch. */
  readonly sendsModels?: boolean;
  /** Refuses what makes no sense, before anything large is loaded. @throws UsageError. */
  readonly check?: (args: Arguments) => void;
  /** Imports what it needs when it is called. @returns the exit code; nothing means 0. */
  readonly run: (args: Arguments) => Promise<number | void>;
}

/** What every command understands. */
export const commonOptions: Readonly<Record<string, OptionHelp>> = {
  help: { type: "boolean", short: "h", help: "show this help" },
  debug: { type: "boolean", help: "show where an error came from" },
};

/** A command line that cannot be understood: exit code 2. */
export class UsageError extends Error {}
