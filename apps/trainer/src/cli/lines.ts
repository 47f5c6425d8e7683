import { createReadStream } from "node:fs";
import { extname } from "node:path";
import { ClipError } from "@clip-ts/base";
import { note } from "./output.ts";

/**
 * The lines of a UTF-8 file, or of stdin for "-", as they come. Only line feeds (with or without a
 * carriage return) end a line: captions may hold every other character.
 */
export async function* readLines(path: string): AsyncGenerator<string, void, undefined> {
  const stream: AsyncIterable<Uint8Array> = path === "-" ? process.stdin : createReadStream(path);
  const decoder = new TextDecoder("utf-8");
  let rest = "";
  try {
    for await (const chunk of stream) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) yield line.replace(/\r$/, "");
    }
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause)) throw cause;
    throw new ClipError("not-found", `${path} cannot be read: ${cause.message}`, { cause });
  }
  rest += decoder.decode();
  if (rest !== "") yield rest.replace(/\r$/, "");
}

/** Every line of a file or stdin. */
export async function allLines(path: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of readLines(path)) lines.push(line);
  return lines;
}

/**
 * The lines that hold something, trimmed: a list of names. Blank lines are counted on stderr.
 * @throws ClipError if there are no others.
 */
export async function listedIn(path: string): Promise<string[]> {
  const lines = await allLines(path);
  const names = lines.map((line) => line.trim()).filter((line) => line !== "");
  const blank = lines.length - names.length;
  if (blank > 0) note(`left out of ${path}: ${blank} blank ${blank === 1 ? "line" : "lines"}`);
  if (names.length > 0) return names;
  throw new ClipError("bad-data", `${path} is empty; expected one entry a line.`);
}

/**
 * The file that a word names where it could be a word of its own: "@FILE", a name that ends in .txt, or "-"
 * for stdin. Whatever else lies on the disk under that name, other words mean themselves.
 */
export function namedFile(word: string): string | undefined {
  if (word.startsWith("@") && word.length > 1) return word.slice(1);
  return word === "-" || extname(word) === ".txt" ? word : undefined;
}

/** The file that a value means which no known word has taken: "FILE", or "@FILE" for one called like a word. */
export function fileMeant(value: string): string {
  return value.startsWith("@") && value.length > 1 ? value.slice(1) : value;
}
