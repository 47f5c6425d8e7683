/** The key under which a point keeps beginnings of a text. No field's name begins with _. */
export const prefixKey = (field: string): string => `_${field}_begins`;

/** Lengths in characters of the beginnings that are kept: 1, 2, 4, ... */
function* lengthsUpTo(length: number): Generator<number> {
  for (let size = 1; size <= length; size *= 2) yield size;
}

/**
 * Beginnings of a text that a point keeps, since Qdrant cannot ask what a text starts with: those of 1, 2, 4, ...
 * characters and those that end with a slash. That is at most 11 of a path of 255 characters, and its folders.
 */
export function beginningsOf(text: string): string[] {
  const characters = Array.from(text);
  const folders = [...text.matchAll(/\//gu)].map(({ index }) => text.slice(0, index + 1));
  const sized = [...lengthsUpTo(characters.length)].map((size) => characters.slice(0, size).join(""));
  return [...new Set([...sized, ...folders])];
}

/** The longest of the beginnings that every text starting with this one has. */
export function longestBeginning(text: string): string {
  return beginningsOf(text).reduce((longest, one) => (one.length > longest.length ? one : longest), "");
}
