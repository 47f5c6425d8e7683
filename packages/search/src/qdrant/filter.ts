import type { Condition, Filter } from "../vector-index.ts";
import type { Schemas } from "@qdrant/js-client-rest";
import { longestBeginning, prefixKey } from "./prefixes.ts";

/** What of a filter Qdrant is asked, as part of a request, and what is left to look at here. */
export interface QdrantFilter {
  readonly filter: { readonly filter?: Schemas["Filter"] };
  /** Whether rows that it lets through may not meet the conditions. */
  readonly isWider: boolean;
}

type One = Schemas["Condition"];

const equalTo = (key: string, value: string | number): One =>
  // A match of numbers takes whole ones alone.
  typeof value === "number" ? { key, range: { gte: value, lte: value } } : { key, match: { value } };

const ranges = { less: "lt", "at-most": "lte", more: "gt", "at-least": "gte" } as const;

const isThere = (key: string): One => ({ must_not: [{ is_empty: { key } }] });

function conditionOf(condition: Condition): One {
  const key = condition.field;
  switch (condition.is) {
    case "equal":
      return equalTo(key, condition.value);
    case "not-equal":
      // Holds for points without the field too.
      return { must_not: [equalTo(key, condition.value)] };
    case "one-of":
      return { should: condition.values.map((value) => equalTo(key, value)) };
    case "starts-with":
      return condition.value === ""
        ? isThere(key)
        : { key: prefixKey(key), match: { value: longestBeginning(condition.value) } };
    default:
      return { key, range: { [ranges[condition.is]]: condition.value } };
  }
}

/** Whether Qdrant is asked for more than the condition says. */
const isWider = (condition: Condition): boolean =>
  condition.is === "starts-with" && longestBeginning(condition.value) !== condition.value;

/** Conditions as Qdrant has them; undefined where no row can meet them. Their fields have been checked. */
export function qdrantFilter(filter: Filter): QdrantFilter | undefined {
  if (filter.some((condition) => condition.is === "one-of" && condition.values.length === 0)) return undefined;
  return {
    filter: filter.length === 0 ? {} : { filter: { must: filter.map(conditionOf) } },
    isWider: filter.some(isWider),
  };
}
