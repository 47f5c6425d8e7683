import { extname } from "node:path";

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
