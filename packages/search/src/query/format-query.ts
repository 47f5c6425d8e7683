import { isClipError } from "@clip-ts/base";
import { parseQuery } from "./parse-query.ts";
import { checkQuery, type Query, type QueryTerm } from "./query.ts";

const quoted = (value: string): string => `"${value.replaceAll('"', '""')}"`;

function formatValue({ kind, value }: QueryTerm): string {
  if (kind === "text") return quoted(value);
  const isBare = /^[^\s"“”„]+$/u.test(value) && !(kind === "picture" && value.startsWith("id:"));
  return `${kind === "row" ? "@id:" : "@"}${isBare ? value : quoted(value)}`;
}

/** Whether words are read as this one text, without quotes. */
function readsAlone(value: string): boolean {
  try {
    const { terms } = parseQuery(value);
    return terms.length === 1 && terms[0]?.kind === "text" && terms[0].value === value && terms[0].weight === 1;
  } catch (error) {
    if (isClipError(error)) return false;
    throw error;
  }
}

/**
 * A query as text that `parseQuery` reads as the same terms; one plain text stands without quotes.
 * @throws ClipError "bad-argument" for terms that no text reads as.
 */
export function formatQuery(query: Query): string {
  checkQuery(query);
  const [first, second] = query.terms;
  const isSole = first?.kind === "text" && first.weight === 1 && second === undefined;
  if (isSole && readsAlone(first.value)) return first.value;
  const parts = query.terms.map((term, index) => {
    const size = Math.abs(term.weight);
    const sign = term.weight < 0 ? "- " : index === 0 ? "" : "+ ";
    return `${sign}${size === 1 ? "" : `${size}:`}${formatValue(term)}`;
  });
  return parts.join(" ");
}
