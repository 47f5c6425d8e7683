import type { ListedModel, Works } from "@clip-ts/model/published";
import { table, terminalColumns, wrap } from "../../cli/text.ts";

/** Columns that names and tokenizers may take of a terminal's 80. */
const widths = { name: 34, tokenizer: 15 } as const;

const header = ["model", "size", "image", "tokens", "tokenizer", "works"] as const;
const words = [0, 4, 5];

const millions = (count: number | undefined): string => (count === undefined ? "?" : `${Math.round(count / 1e6)}M`);

const sides = (size: ListedModel["imageSize"]): string =>
  size === undefined ? "?" : typeof size === "number" ? String(size) : size.join("x");

/** A tokenizer's name without its owner, cut to its column. */
function shortTokenizer(name = "?"): string {
  const short = name.slice(name.lastIndexOf("/") + 1);
  return short.length <= widths.tokenizer ? short : `${short.slice(0, widths.tokenizer - 1)}…`;
}

/** "ids" and "pixels" are of models whose captions or pictures have to be prepared elsewhere. */
function shortWorks(works: Works): string {
  if (works === true) return "yes";
  if (typeof works === "string") return "no";
  return works.by === "token ids" ? "ids" : "pixels";
}

const reasonOf = (works: Exclude<Works, true>): string =>
  typeof works === "string" ? works : `only by ${works.by}: ${works.why}`;

function rowOf({ name, parameters, imageSize, contextLength, tokenizer, works }: ListedModel): string[] {
  const facts = [millions(parameters), sides(imageSize), String(contextLength ?? "?"), shortTokenizer(tokenizer)];
  return [name, ...facts, shortWorks(works)];
}

/** A table in which a name that is too long stands on a line of its own. */
function modelTable(models: readonly ListedModel[]): string {
  const rows = models.map(rowOf);
  const cut = rows.map(([name = "", ...rest]) => [name.length > widths.name ? "" : name, ...rest]);
  const [head = "", ...lines] = table([[...header], ...cut], words).split("\n");
  const shown = lines.flatMap((line, place) => {
    const name = rows[place]?.[0] ?? "";
    return name.length > widths.name ? [name, line] : [line];
  });
  return [head, ...shown].join("\n");
}

/** Why models do not work, each reason once with what it is true of. */
function reasons(models: readonly ListedModel[]): string[] {
  const types = new Map<string, Set<string>>();
  for (const { type, works } of models) {
    if (works === true) continue;
    const reason = reasonOf(works);
    types.set(reason, (types.get(reason) ?? new Set()).add(type));
  }
  const lines = [...types].flatMap(([why, of]) => {
    const [first = "", ...rest] = wrap(`${[...of].join(", ")}: ${why}`, terminalColumns - 4);
    return [`  ${first}`, ...rest.map((line) => `    ${line}`)];
  });
  return lines.length === 0 ? [] : ["", "What does not work in full, and why:", ...lines];
}

/** How many of all there are work, and how many by ids or pixels only. */
function sumOf(models: readonly ListedModel[]): string {
  const inFull = models.filter(({ works }) => works === true).length;
  const inPart = models.filter(({ works }) => typeof works === "object").length;
  const part = inPart === 0 ? "" : `, ${inPart} more by token ids or pixel values only`;
  return `${models.length} published ${models.length === 1 ? "model" : "models"}; ${inFull} of them work here in full${part}.`;
}

/** Published models as a terminal of 80 columns shows them. */
export function showModels(models: readonly ListedModel[]): string {
  return [modelTable(models), ...reasons(models), "", sumOf(models)].join("\n");
}
