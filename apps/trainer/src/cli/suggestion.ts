import { closest, distance } from "fastest-levenshtein";

/** ' Did you mean "…"?' if a known word is near, else nothing. The prefix is put before the word. */
export function suggestion(word: string, known: readonly string[], prefix = ""): string {
  if (known.length === 0) return "";
  const best = closest(word.toLowerCase(), [...known]);
  const near = distance(word.toLowerCase(), best.toLowerCase()) <= Math.max(2, word.length / 3);
  return near ? ` Did you mean "${prefix}${best}"?` : "";
}
