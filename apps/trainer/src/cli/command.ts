/** One option of a command. */
export interface OptionHelp {
  readonly type: "string" | "boolean";
  readonly short?: string;
  readonly multiple?: boolean;
  /** A command line without it is refused. */
  readonly required?: boolean;
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
  /** Sentences; the help breaks them into lines. */
  readonly details?: string;
  readonly options: Readonly<Record<string, OptionHelp>>;
  /** Words such as hf:owner/name are where it sends to, not models to fetch. */
  readonly sendsModels?: boolean;
  /** @returns the exit code; nothing means 0. */
  readonly run: (args: Arguments) => Promise<number | void>;
}

/** What computes: options that several commands share. */
export const engineOptions: Readonly<Record<string, OptionHelp>> = {
  engine: {
    type: "string",
    value: "NAME",
    help: "auto, tensorflow-gpu, onnx-gpu, webgpu, tensorflow, onnx, wasm or cpu (default auto)",
  },
  device: { type: "string", value: "NAME", help: "auto, gpu or cpu (default auto)" },
  precision: {
    type: "string",
    value: "f32|bf16",
    help: "of matrix products; bf16 is faster and needs TensorFlow (default f32)",
  },
  threads: { type: "string", value: "N", help: "threads that compute (default all)" },
};

/** What every command understands. */
export const commonOptions: Readonly<Record<string, OptionHelp>> = {
  help: { type: "boolean", short: "h", help: "show this help" },
  debug: { type: "boolean", help: "show where an error came from" },
};
