import type { Condition, FieldValue, Filter } from "../vector-index.ts";

type Test = (value: FieldValue) => boolean;

const numberTests = {
  less: (value: number, limit: number) => value < limit,
  "at-most": (value: number, limit: number) => value <= limit,
  more: (value: number, limit: number) => value > limit,
  "at-least": (value: number, limit: number) => value >= limit,
} as const;

function testOf(condition: Condition): Test {
  switch (condition.is) {
    case "equal":
      return (value) => value === condition.value;
    case "not-equal":
      return (value) => value !== condition.value;
    case "one-of": {
      const values: ReadonlySet<FieldValue> = new Set(condition.values);
      return (value) => values.has(value);
    }
    case "starts-with":
      return (value) => typeof value === "string" && value.startsWith(condition.value);
    default: {
      const holds = numberTests[condition.is];
      return (value) => typeof value === "number" && holds(value, condition.value);
    }
  }
}

/**
 * Whether a row meets a filter, given what reads one of its fields. A row without the field, null, meets "not-equal"
 * alone. Texts are equal where their characters are: capitals count, and nothing is normalised.
 */
export function meetsAll(filter: Filter): (read: (field: string) => FieldValue) => boolean {
  const tests = filter.map((condition) => ({ field: condition.field, test: testOf(condition) }));
  return (read) => tests.every(({ field, test }) => test(read(field)));
}
