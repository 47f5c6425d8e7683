import { extname, resolve } from "node:path";
import type { Arguments } from "../../cli/command.ts";
import { UsageError } from "../../cli/usage-error.ts";

/** What `embed` reads and writes. */
export interface EmbedPlan {
  /** "-" is stdout. */
  readonly output: string;
  readonly format: "npy" | "jsonl";
  /** File of captions, if they are embedded. */
  readonly texts?: string;
}

/** Where the inputs behind the rows of a NumPy file are listed. */
export function listingOf(output: string): string {
  return output.replace(/\.npy$/, ".txt");
}

/** Reads the options of `embed`. @throws UsageError for what makes no sense together. */
export function embedPlan({ positionals, text }: Arguments): EmbedPlan {
  const output = text("output") as string;
  const texts = text("texts");
  const ending = output === "-" ? ".jsonl" : extname(output);
  if (ending !== ".npy" && ending !== ".jsonl") {
    throw new UsageError(
      `--output ${output}: expected a name that ends in .npy or .jsonl, or - for JSON lines on stdout.`,
    );
  }
  if ((texts === undefined) === positionals.length < 2) {
    throw new UsageError("embed takes either images or --texts FILE. See clip-ts embed --help.");
  }
  if (texts !== undefined && ending === ".npy" && resolve(texts) === resolve(listingOf(output))) {
    throw new UsageError(`The list of inputs, ${texts}, would overwrite the captions: rename OUT.`);
  }
  const format = ending === ".npy" ? "npy" : "jsonl";
  return { output, format, ...(texts === undefined ? {} : { texts }) };
}
