import { ClipError, isClipError, shown } from "@clip-ts/base";

/** A parsed JSON object. */
export type Json = Readonly<Record<string, unknown>>;

/** @throws ClipError "bad-data": the file is not what it should be. */
export function refuseFile(where: string, expected: string, actual: unknown): never {
  const came = actual === undefined ? "nothing" : shown(actual);
  const short = came.length > 60 ? `${came.slice(0, 60)}…` : came;
  throw new ClipError("bad-data", `${where} should be ${expected}, got ${short}: fetch the tokenizer's files again.`, {
    data: { where, expected },
  });
}

/** @throws ClipError "unsupported": the file asks for a step that is not computed here. */
export function refuseStep(where: string, value: unknown): never {
  throw new ClipError(
    "unsupported",
    `${where} is ${shown(value)}, which is not supported here. Give token ids instead of text.`,
    { data: { where, value } },
  );
}

/** Parses a file's text. @throws ClipError "bad-data" unless it is a JSON object. */
export function parseJsonFile(text: string, file: string): Json {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new ClipError("bad-data", `${file} is no JSON: fetch the tokenizer's files again.`, {
      cause,
    });
  }
  return asObject(json, file);
}

/** The value as an object. */
export function asObject(value: unknown, where: string): Json {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Json;
  return refuseFile(where, "an object", value);
}

/** The value as a list. */
export function asList(value: unknown, where: string): readonly unknown[] {
  return Array.isArray(value) ? value : refuseFile(where, "a list", value);
}

/** The value as a text. */
export function asText(value: unknown, where: string): string {
  return typeof value === "string" ? value : refuseFile(where, "a text", value);
}

/** Ids stay below this, so that tables of them stay small. */
const mostIds = 2 ** 24;

/** The value as a token id. */
export function asId(value: unknown, where: string): number {
  const isId = typeof value === "number" && Number.isInteger(value) && value >= 0;
  return isId && value < mostIds ? value : refuseFile(where, "a whole number from 0", value);
}

/** The value as a finite number. */
export function asNumber(value: unknown, where: string): number {
  const isNumber = typeof value === "number" && Number.isFinite(value);
  return isNumber ? value : refuseFile(where, "a number", value);
}

/** True or false, or the fallback where there is nothing. */
export function asFlag(value: unknown, fallback: boolean, where: string): boolean {
  if (value === undefined || value === null) return fallback;
  return typeof value === "boolean" ? value : refuseFile(where, "true or false", value);
}

/**
 * Runs what makes a tokenizer of its files. Whatever a broken file sets off deep inside (a pattern that
 * does not compile, a table too large) becomes an error that names the files.
 */
export function readingTokenizer<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (cause) {
    if (isClipError(cause)) throw cause;
    throw new ClipError(
      "bad-data",
      `The tokenizer's files cannot be read (${cause instanceof Error ? cause.message : String(cause)}): fetch them again.`,
      { cause },
    );
  }
}
