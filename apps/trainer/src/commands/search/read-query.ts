import { statSync } from "node:fs";
import { extname } from "node:path";
import { imageExtensions } from "@clip-ts/image";
import { isWebImage } from "@clip-ts/hub";
import { parseQuery, type Query, type QueryTerm } from "@clip-ts/search";
import { note } from "../../cli/output.ts";

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true;

/** Whether words are the name of an image that is there, or the address of one. */
function namesPicture(words: string): boolean {
  if (isWebImage(words)) return true;
  return imageExtensions.includes(extname(words).toLowerCase()) && isFile(words);
}

function asPicture(term: QueryTerm): QueryTerm {
  if (term.kind !== "text" || !namesPicture(term.value)) return term;
  note(`picture ${term.value} (a file or an address, so not taken for words)`);
  return { ...term, kind: "picture" };
}

/**
 * Reads the words of a command line, or one line of a file, as one query. A part that is the name of an image file or an
 * address stands for that picture, which is said. @throws ClipError "bad-argument" that says where and why not.
 */
export function readQuery(words: readonly string[]): Query {
  const text = words.join(" ").trim();
  const whole: QueryTerm = { kind: "text", value: text, weight: 1 };
  if (namesPicture(text)) return { terms: [asPicture(whole)] };
  return { terms: parseQuery(text).terms.map(asPicture) };
}
