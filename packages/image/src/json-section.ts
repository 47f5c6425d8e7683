import { ClipError, shown } from "@clip-ts/base";

/** An object of a JSON file, and how messages call it. */
export interface JsonSection {
  readonly name: string;
  readonly json: Readonly<Record<string, unknown>>;
}

/** @throws ClipError "bad-config" unless the value is an object. */
export function asSection(name: string, value: unknown): JsonSection {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return { name, json: value as JsonSection["json"] };
  }
  throw new ClipError("bad-config", `${name} must be an object, got ${shown(value)}.`, {
    data: { name, value },
  });
}

/** A key's value; null, which Python writes for None, is undefined. */
export function valueOf({ json }: JsonSection, key: string): unknown {
  return json[key] ?? undefined;
}

/** The error for a key whose value is none of those understood. */
export function refusal(
  section: JsonSection,
  key: string,
  expected: string,
  code: "unsupported" | "bad-config" = "unsupported",
): ClipError {
  const value = section.json[key];
  return new ClipError(code, `${section.name}: "${key}" should be ${expected}, got ${shown(value)}.`, {
    data: { file: section.name, key, value },
  });
}

/** A step that is told to be None has no default any more. @throws ClipError "bad-config" if one is. */
export function checkNotNull(section: JsonSection, key: string, expected: string): void {
  if (section.json[key] === null) throw refusal(section, key, expected, "bad-config");
}

/** `usual` if the key is missing; null is false, as None is. @throws ClipError "bad-config" for others. */
export function flagOf(section: JsonSection, key: string, usual: boolean): boolean {
  const { [key]: given = usual } = section.json;
  const value = given ?? false;
  if (typeof value === "boolean") return value;
  throw refusal(section, key, "true or false", "bad-config");
}

/** Three numbers; one alone stands for all, as in Python. @throws ClipError "bad-config" for others. */
export function tripleOf(
  section: JsonSection,
  key: string,
  usual: readonly [number, number, number],
): readonly [number, number, number] {
  const value = valueOf(section, key) ?? usual;
  const triple = typeof value === "number" ? [value, value, value] : value;
  const isTriple = Array.isArray(triple) && triple.length === 3 && triple.every(Number.isFinite);
  if (isTriple) return triple as unknown as readonly [number, number, number];
  throw refusal(section, key, "three numbers", "bad-config");
}

/** @throws ClipError "bad-config" unless each number is above zero. */
export function positiveTripleOf(
  section: JsonSection,
  key: string,
  usual: readonly [number, number, number],
): readonly [number, number, number] {
  const triple = tripleOf(section, key, usual);
  if (triple.every((value) => value > 0)) return triple;
  throw refusal(section, key, "three numbers above 0", "bad-config");
}

/** Pixels of the largest square that anything is resized to. */
const largestSize = 8192;

/** Whether the value is a number of pixels for a side. */
export function isSide(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0 && (value as number) <= largestSize;
}

/** What `isSide` takes, in words. */
export const sideWords: string = `a whole number from 1 to ${largestSize}`;
