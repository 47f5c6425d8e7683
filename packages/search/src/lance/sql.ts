import type { Condition, Filter } from "../vector-index.ts";

/** Names of columns are told apart by their capitals only between backticks. */
const column = (name: string): string => `\`${name}\``;

/** A text between quotes, in which a quote is doubled; a backslash stands for itself. */
const text = (value: string): string => `'${value.replaceAll("'", "''")}'`;

/** A number with an exponent, which makes it a double, in the fewest digits that read back as the same one. */
const number = (value: number): string => value.toExponential();

const literal = (value: string | number): string => (typeof value === "string" ? text(value) : number(value));

const operators = { equal: "=", less: "<", "at-most": "<=", more: ">", "at-least": ">=" } as const;

function conditionSql(condition: Condition): string {
  const name = column(condition.field);
  switch (condition.is) {
    case "not-equal":
      return `(${name} IS NULL OR ${name} <> ${literal(condition.value)})`;
    case "one-of":
      return condition.values.length === 0 ? "FALSE" : `${name} IN (${condition.values.map(literal).join(", ")})`;
    case "starts-with":
      // Not LIKE, which gives % and _ a meaning. Nothing starts with a null, not even with the empty text.
      return condition.value === "" ? `${name} IS NOT NULL` : `starts_with(${name}, ${text(condition.value)})`;
    default:
      return `${name} ${operators[condition.is]} ${literal(condition.value)}`;
  }
}

/** The conditions in LanceDB's SQL; "" where there is none. Their fields have been checked. */
export function filterSql(filter: Filter): string {
  return filter.map(conditionSql).join(" AND ");
}

/** Rows of these ids. */
export function idsSql(ids: readonly string[]): string {
  return `id IN (${ids.map(text).join(", ")})`;
}

/** Rows whose id comes behind the first and, where there is a second, not behind that. */
export function idRangeSql(after: string | undefined, upTo?: string): string {
  const parts = [
    ...(after === undefined ? [] : [`id > ${text(after)}`]),
    ...(upTo === undefined ? [] : [`id <= ${text(upTo)}`]),
  ];
  return parts.join(" AND ");
}

/** Conditions in SQL of which all have to hold; empty ones always do. */
export function allOf(...parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join(" AND ");
}
