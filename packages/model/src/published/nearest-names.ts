import { distance } from "fastest-levenshtein";
import { listModels } from "./list-models.ts";

/** What of a name tells models apart, however it is cut and written. */
const letters = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/gu, "");

/** Names that differ in more of their letters than this are not near. */
const furthest = 0.4;

/** From 0, the same letters, to 1; a name that holds the other is near, so that a part of a name finds the whole. */
function farness(given: string, known: string): number {
  const longest = Math.max(given.length, known.length);
  const edits = distance(given, known) / longest;
  const isPart = given.length >= 4 && known.includes(given);
  return isPart ? Math.min(edits, furthest * (1 - given.length / longest)) : edits;
}

/** The published names nearest to one that is not known, nearest first; none where nothing is near. */
export function nearestNames(name: string, count = 3): readonly string[] {
  const given = letters(name);
  const names = new Set(listModels().flatMap((model) => [model.name, model.repository ?? model.name]));
  return [...names]
    .map((known) => ({ known, far: farness(given, letters(known)) }))
    .filter(({ far }) => far <= furthest)
    .toSorted((a, b) => a.far - b.far)
    .slice(0, count)
    .map(({ known }) => known);
}
