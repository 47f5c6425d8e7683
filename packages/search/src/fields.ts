import { ClipError, shown } from "@clip-ts/base";
import { isStorable } from "./ids.ts";
import type { Condition, FieldKinds, Fields, FieldValue, Filter } from "./vector-index.ts";

/** What every store can name a column, none of which takes it for its own. */
const fieldName = /^[A-Za-z][A-Za-z0-9_]{0,62}$/u;
/** What adapters keep beside the fields. */
const reserved: ReadonlySet<string> = new Set(["id", "vector"]);

function refuse(message: string): never {
  throw new ClipError("bad-argument", message);
}

function namesOf(kinds: FieldKinds): string {
  const names = Object.keys(kinds);
  return names.length === 0 ? "none" : names.join(", ");
}

/** @throws ClipError "bad-argument" for fields that no index can have. */
export function assertFieldKinds(kinds: FieldKinds): void {
  const seen = new Set<string>();
  for (const [name, kind] of Object.entries(kinds)) {
    if (!fieldName.test(name) || reserved.has(name.toLowerCase())) {
      refuse(`The field ${shown(name)}: expected letters, digits and _, a letter first, and not "id" or "vector".`);
    }
    if (seen.has(name.toLowerCase())) refuse(`The field ${shown(name)} differs from another in its capitals alone.`);
    seen.add(name.toLowerCase());
    if (kind !== "string" && kind !== "number") {
      refuse(`The field ${name}: expected "string" or "number" as its kind; got ${shown(kind)}.`);
    }
  }
}

/** Whether two indexes have the same fields. */
export function hasSameFields(a: FieldKinds, b: FieldKinds): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && a[name] === b[name]);
}

function isOfKind(value: unknown, kind: "string" | "number"): boolean {
  return kind === "number" ? Number.isFinite(value) : typeof value === "string" && isStorable(value);
}

const wordsFor = { string: "a text", number: "a finite number" } as const;

/**
 * A row's fields, all of them: null where it says nothing.
 * @throws ClipError "bad-argument" for a field that the index does not have, or a value of another kind.
 */
export function completeFields(kinds: FieldKinds, fields: Fields, id: string): Fields {
  for (const name of Object.keys(fields)) {
    if (!Object.hasOwn(kinds, name)) {
      refuse(`The row ${shown(id)} has the field ${shown(name)}; the index has ${namesOf(kinds)}.`);
    }
  }
  const complete = Object.entries(kinds).map(([name, kind]): [string, FieldValue] => {
    const value = fields[name] ?? null;
    if (value === null || isOfKind(value, kind)) return [name, value];
    return refuse(`The field ${name} of the row ${shown(id)}: expected ${wordsFor[kind]}; got ${shown(value)}.`);
  });
  return Object.fromEntries(complete);
}

const kindFor: Readonly<Record<Condition["is"], "string" | "number" | "any">> = {
  equal: "any",
  "not-equal": "any",
  "one-of": "any",
  less: "number",
  "at-most": "number",
  more: "number",
  "at-least": "number",
  "starts-with": "string",
};

/** The kind of the field that a condition names, which has to be one that the condition is for. */
function kindOfCondition(kinds: FieldKinds, { field, is }: Condition): "string" | "number" {
  const kind = Object.hasOwn(kinds, field) ? kinds[field] : undefined;
  if (kind === undefined) {
    return refuse(`A condition names the field ${shown(field)}; the index has ${namesOf(kinds)}.`);
  }
  const wanted = Object.hasOwn(kindFor, is) ? kindFor[is] : undefined;
  if (wanted === undefined) {
    return refuse(`The condition on ${field}: expected one of ${Object.keys(kindFor).join(", ")}; got ${shown(is)}.`);
  }
  if (wanted === "any" || wanted === kind) return kind;
  return refuse(`The condition "${is}" is for ${wordsFor[wanted]}; the field ${field} holds ${wordsFor[kind]}.`);
}

function assertCondition(kinds: FieldKinds, condition: Condition): void {
  const kind = kindOfCondition(kinds, condition);
  const { field } = condition;
  const values: unknown = condition.is === "one-of" ? condition.values : [condition.value];
  if (!Array.isArray(values)) refuse(`The condition on ${field}: expected a list of values; got ${shown(values)}.`);
  for (const value of values) {
    if (!isOfKind(value, kind)) refuse(`The condition on ${field}: expected ${wordsFor[kind]}; got ${shown(value)}.`);
  }
}

/** @throws ClipError "bad-argument" for a condition on a field that the index does not have or that holds another kind. */
export function assertFilter(kinds: FieldKinds, filter: Filter): void {
  if (!Array.isArray(filter)) refuse(`Expected a list of conditions; got ${shown(filter)}.`);
  for (const condition of filter) assertCondition(kinds, condition);
}
