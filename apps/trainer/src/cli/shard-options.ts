import type { Quoting } from "@clip-ts/data";
import type { ShardSetKind } from "@clip-ts/node";
import { UsageError, type Arguments, type OptionHelp } from "./command.ts";

/** What data may be, as `--kind` names it. */
export const dataKinds: readonly ShardSetKind[] = ["webdataset", "parquet", "mds", "csv", "tsv", "jsonl", "folder"];

/** How places elsewhere are reached: options that several commands share. */
export const placeOptions: Readonly<Record<"endpoint" | "anonymous" | "cache", OptionHelp>> = {
  endpoint: { type: "string", value: "URL", help: "a store that speaks S3; AWS's own if absent" },
  anonymous: { type: "boolean", help: "read a public bucket, without credentials" },
  cache: { type: "string", value: "FOLDER", help: "where copies and indexes are kept" },
};

/** What is read, and how: options that several commands share. */
export const readingOptions: Readonly<
  Record<"kind" | "image" | "separator" | "quoting" | keyof typeof placeOptions, OptionHelp>
> = {
  kind: { type: "string", value: "KIND", choices: dataKinds, help: `${dataKinds.join(", ")}; told by names if absent` },
  image: {
    type: "string",
    value: "NAME",
    multiple: true,
    help: "ending or column of images; the usual ones if absent",
  },
  separator: {
    type: "string",
    value: "C",
    help: "character between the values of a table (default , in .csv, a tab in .tsv)",
  },
  quoting: {
    type: "string",
    choices: ["standard", "none"],
    help: "none: double quotes in a table are text (default standard)",
  },
  ...placeOptions,
};

/** The first of these options that is given. */
export function givenOption({ text, texts, flag }: Arguments, options: Readonly<Record<string, OptionHelp>>) {
  return Object.entries(options).find(([name, { type, multiple }]) => {
    if (type === "boolean") return flag(name);
    return multiple === true ? texts(name).length > 0 : text(name) !== undefined;
  })?.[0];
}

/** @throws UsageError for a separator that is no character. */
export function checkReading({ text }: Arguments): void {
  const separator = text("separator");
  if (separator === undefined || separator.length === 1) return;
  throw new UsageError(`--separator ${separator}: expected one character.`);
}

/** What the options say of how data are read. */
export interface Reading {
  /** Told by names if absent. */
  readonly kind: ShardSetKind | undefined;
  readonly image: readonly string[] | undefined;
  readonly separator: string | undefined;
  readonly quoting: Quoting | undefined;
}

/** What `readingOptions` say. */
export function readingOf({ text, texts }: Arguments): Reading {
  const image = texts("image");
  return {
    kind: text("kind") as ShardSetKind | undefined,
    image: image.length === 0 ? undefined : image,
    separator: text("separator"),
    quoting: text("quoting") as Quoting | undefined,
  };
}

/** What `placeOptions` say. */
export function placesOf({ text, flag }: Arguments): {
  readonly endpoint: string | undefined;
  readonly anonymous: true | undefined;
  readonly cacheFolder: string | undefined;
} {
  return { endpoint: text("endpoint"), anonymous: flag("anonymous") || undefined, cacheFolder: text("cache") };
}
