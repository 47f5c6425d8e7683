import { closest, distance } from "fastest-levenshtein";

/** ' Did you mean "…"?' if a known word is near, else nothing. */
export function suggestion(word: string, known: readonly string[]): string {
  if (known.length === 0) return "";
  const best = closest(word.toLowerCase(), [...known]);
  const near = distance(word.toLowerCase(), best.toLowerCase()) <= Math.max(2, word.length / 3);
  return near ? ` Did you mean "${best}"?` : "";
}
