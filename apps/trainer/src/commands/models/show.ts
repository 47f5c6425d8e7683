import type { ListedModel } from "@clip-ts/model/published";
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

function rowOf({ name, parameters, imageSize, contextLength, tokenizer, works }: ListedModel): string[] {
  const facts = [millions(parameters), sides(imageSize), String(contextLength ?? "?"), shortTokenizer(tokenizer)];
  return [name, ...facts, works === true ? "yes" : "no"];
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
    types.set(works, (types.get(works) ?? new Set()).add(type));
  }
  const lines = [...types].flatMap(([reason, of]) => {
    const [first = "", ...rest] = wrap(`${[...of].join(", ")}: ${reason}`, terminalColumns - 4);
    return [`  ${first}`, ...rest.map((line) => `    ${line}`)];
  });
  return lines.length === 0 ? [] : ["", "What does not work, and why:", ...lines];
}

/** Published models as a terminal of 80 columns shows them. */
export function showModels(models: readonly ListedModel[]): string {
  const working = models.filter(({ works }) => works === true).length;
  const sum = `${models.length} published ${models.length === 1 ? "model" : "models"}; ${working} of them work here.`;
  return [modelTable(models), ...reasons(models), "", sum].join("\n");
}
