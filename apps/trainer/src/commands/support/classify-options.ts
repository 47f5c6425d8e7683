import type { Arguments } from "../../cli/command.ts";
import { namedFile } from "../../cli/named-file.ts";
import { UsageError } from "../../cli/usage-error.ts";

/** What `--labels` gives: the words themselves, or the file that lists them. */
export type GivenLabels = { readonly file: string } | { readonly labels: readonly string[] };

/** Reads `--labels`. @throws UsageError if it holds no word. */
export function labelsGiven({ text }: Pick<Arguments, "text">): GivenLabels {
  const given = text("labels") ?? "";
  const file = namedFile(given);
  if (file !== undefined) return { file };
  const words = given.split(",").map((label) => label.trim());
  const labels = [...new Set(words)].filter((label) => label !== "");
  if (labels.length > 0) return { labels };
  throw new UsageError("--labels is empty; expected words such as cat,dog or @FILE.");
}

/** `{ templates }` if any were given, else nothing. @throws UsageError for one without a slot. */
export function templatesGiven({ texts }: Pick<Arguments, "texts">): {
  readonly templates?: readonly string[];
} {
  const templates = texts("template");
  const faulty = templates.find((template) => !template.includes("{}"));
  if (faulty !== undefined) {
    throw new UsageError(`--template "${faulty}" needs {} where the label goes.`);
  }
  return templates.length === 0 ? {} : { templates };
}
