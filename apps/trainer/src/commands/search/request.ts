import type { Condition } from "@clip-ts/search";
import { UsageError, type Arguments } from "../../cli/command.ts";
import { momentOf } from "../../cli/dates.ts";
import { countOption } from "../../cli/options.ts";

/** What `search` is asked for. */
export type SearchForm = "query" | "queries" | "duplicates";

/** What a command line of `search` asks for. */
export interface SearchWords {
  readonly form: SearchForm;
  /** The words of the query, or none. */
  readonly words: readonly string[];
  /** Folder of the index. */
  readonly index: string;
  /** Hits or groups of duplicates; undefined for the usual number. */
  readonly count: number | undefined;
  readonly showsAll: boolean;
  readonly isExact: boolean;
  /** `--folder`, as given. */
  readonly folder: string | undefined;
  /** Conditions of the other filters. */
  readonly conditions: readonly Condition[];
  /** The least cosine of two duplicates. */
  readonly similarity: number;
  /** Share of searches for what is not there that may find something all the same; undefined for the index's own. */
  readonly falsePositiveRate: number | undefined;
}

const usualSimilarity = 0.98;

const forms: Readonly<Record<SearchForm, string>> = {
  query: "words or a picture to search for",
  queries: "--queries",
  duplicates: "--duplicates",
};

/** Options that one form alone has a use for. */
const ofForms: Readonly<Record<string, readonly SearchForm[]>> = {
  folder: ["query", "queries"],
  after: ["query", "queries"],
  before: ["query", "queries"],
  label: ["query", "queries"],
  all: ["query", "queries"],
  exact: ["query", "queries"],
  "false-positives": ["query", "queries"],
  json: ["query", "duplicates"],
  html: ["query", "duplicates"],
};

const isGiven = ({ text, texts, flag }: Arguments, name: string): boolean =>
  name === "label" ? texts(name).length > 0 : flag(name) || text(name) !== undefined;

function formOf(args: Arguments): SearchForm {
  const asked: SearchForm[] = [];
  if (args.flag("duplicates")) asked.push("duplicates");
  if (args.text("queries") !== undefined) asked.push("queries");
  if (args.positionals.length > 0 && !asked.includes("duplicates")) asked.push("query");
  const [form, another] = asked;
  if (form === undefined) throw new UsageError(`search needs ${forms.query}, --queries FILE or --duplicates.`);
  if (another !== undefined) throw new UsageError(`search takes ${forms[form]} or ${forms[another]}, not both.`);
  return form;
}

/** @throws UsageError for an option that the form has no use for. */
function checkOptions(args: Arguments, form: SearchForm): void {
  const useless = Object.keys(ofForms).find((name) => isGiven(args, name) && ofForms[name]?.includes(form) === false);
  if (useless !== undefined) throw new UsageError(`${forms[form]} has no use for --${useless}.`);
}

/** The word behind `--duplicates`. @throws UsageError for what is no cosine above 0. */
function similarityOf({ positionals: [given, ...more] }: Arguments): number {
  const value = given === undefined ? usualSimilarity : Number(given);
  if (more.length === 0 && value > 0 && value <= 1) return value;
  const words = [given, ...more].join(" ");
  throw new UsageError(`--duplicates ${words}: expected one number above 0 and at most 1, such as ${usualSimilarity}.`);
}

function conditionsOf({ text, texts }: Arguments): Condition[] {
  const [after, before, labels] = [text("after"), text("before"), texts("label")];
  const conditions: Condition[] = [];
  if (after !== undefined) conditions.push({ field: "date", is: "at-least", value: momentOf("after", after) });
  if (before !== undefined) conditions.push({ field: "date", is: "less", value: momentOf("before", before) });
  if (labels.length > 0) conditions.push({ field: "label", is: "one-of", values: labels });
  return conditions;
}

function rateOf({ text }: Arguments): number | undefined {
  const given = text("false-positives");
  return given === undefined ? undefined : Number(given.replace("%", "")) / 100;
}

/** Reads a command line. @throws UsageError for what makes no sense. */
export function searchWords(args: Arguments): SearchWords {
  const form = formOf(args);
  checkOptions(args, form);
  if (form === "query" && args.positionals.every((word) => word.trim() === "")) {
    throw new UsageError("The query is empty; expected words such as dog, or a picture.");
  }
  return {
    form,
    words: args.positionals,
    index: args.text("index") ?? "",
    count: countOption(args, "count"),
    showsAll: args.flag("all"),
    isExact: args.flag("exact"),
    folder: args.text("folder"),
    conditions: conditionsOf(args),
    similarity: form === "duplicates" ? similarityOf(args) : usualSimilarity,
    falsePositiveRate: rateOf(args),
  };
}
