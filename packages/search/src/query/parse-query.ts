import { ClipError } from "@clip-ts/base";
import { checkQuery, faultOfWeight, type Query, type QueryTerm } from "./query.ts";

// A query is one or more terms with "+" or "-" between them; a "-" or "+" may stand before the first.
//
//   query    = [ sign ] term { sign term }
//   term     = [ weight ":" ] ( words | quoted | "@" name | "@" quoted | "@id:" name | "@id:" quoted )
//   weight   = 2 | 0.5 | .5, directly before a quote, an "@" or a letter: 16:9 and 9:30 are words
//   quoted   = between straight or curly double quotes; between straight ones "" is one quote
//   name     = up to the next whitespace
//   words    = anything else, up to the next sign
//
// "+" and "-" are signs where whitespace, a quote or nothing stands before and whitespace, a quote, "@", a weight or
// nothing after; after a quoted term or a picture nothing has to stand before. All others are text: "t-shirt", "C++",
// "-5 degrees". A quote opens where a term begins, or after whitespace within words, where it stays part of the text
// and hides signs; in other places (12" pizza) it is text. Weights are written as in rclip (0.5:beach).

/** Characters of a query at most. */
const mostCharacters = 4000;

const weightForm = String.raw`(?:\d+(?:\.\d+)?|\.\d+):(?=["“”„@\p{L}])`;
const patterns = {
  space: /\s*/uy,
  sign: new RegExp(String.raw`[+-](?=\s|["“”„@]|$|${weightForm})`, "uy"),
  weight: new RegExp(weightForm, "uy"),
  straight: /"(?<value>(?:[^"]|"")*)"/uy,
  curly: /[“”„](?<value>[^“”]*)[“”]/uy,
  picture: /@(?<row>id:)?/uy,
  name: /[^\s"“”„]+/uy,
} as const;

/** A place in the text that is read. */
interface Reader {
  readonly text: string;
  at: number;
}

/** Characters that an error shows on either side of its place. */
const shownAround = 60;

/** Refuses a query: what is wrong, in which column, and the place under the text. */
function refuse(text: string, at: number, message: string): never {
  // What stands before and behind, a cell for each code point, and nothing that a terminal would obey.
  const cells = (part: string): string[] => Array.from(part.replaceAll(/[\p{C}\p{Z}]/gu, " "));
  const [before, after] = [cells(text.slice(0, at)), cells(text.slice(at))];
  const lead = before.slice(-shownAround);
  const line = [...lead, ...after.slice(0, shownAround)].join("").trimEnd();
  const column = before.length + 1;
  throw new ClipError("bad-argument", `query, column ${column}: ${message}\n  ${line}\n  ${" ".repeat(lead.length)}^`, {
    data: { query: text, column },
  });
}

/** Reads what a pattern takes from here on. */
function take(reader: Reader, pattern: RegExp): RegExpExecArray | undefined {
  pattern.lastIndex = reader.at;
  const found = pattern.exec(reader.text) ?? undefined;
  if (found !== undefined) reader.at += found[0].length;
  return found;
}

const isQuote = (character: string | undefined): boolean => character !== undefined && /["“”„]/u.test(character);

/** What stands between the quotes that open here. */
function readQuoted(reader: Reader): string {
  const straight = reader.text[reader.at] === '"';
  const value = take(reader, straight ? patterns.straight : patterns.curly)?.groups?.["value"];
  if (value === undefined) {
    const advice = "close it, or write the whole between straight quotes, each quote of the text twice";
    return refuse(reader.text, reader.at, `a quote opens here and does not close; ${advice}`);
  }
  return straight ? value.replaceAll('""', '"') : value;
}

const isSign = (reader: Reader, at: number): boolean => {
  patterns.sign.lastIndex = at;
  return patterns.sign.test(reader.text);
};

/** Reads words up to a sign or the end. */
function readWords(reader: Reader): string {
  const { text } = reader;
  const start = reader.at;
  let follows = false; // whether whitespace or a quote stands before
  while (reader.at < text.length && !(follows && isSign(reader, reader.at))) {
    const character = text[reader.at] as string;
    if (follows && isQuote(character)) readQuoted(reader);
    else {
      reader.at++;
      follows = /\s/u.test(character);
    }
  }
  return text.slice(start, reader.at).trim();
}

/** Reads a picture's name behind "@". */
function readName(reader: Reader, what: string): string {
  if (isQuote(reader.text[reader.at])) return readQuoted(reader);
  const name = take(reader, patterns.name)?.[0];
  const advice = `put ${what} directly behind, in quotes if it has spaces or quotes; "@ …" in quotes is words`;
  return name ?? refuse(reader.text, reader.at, `expected ${what} after "@"; ${advice}`);
}

/** Reads a weight, 1 if there is none. */
function readWeight(reader: Reader): number {
  const at = reader.at;
  const written = take(reader, patterns.weight)?.[0];
  if (written === undefined) return 1;
  const weight = Number(written.slice(0, -1));
  const fault = faultOfWeight(weight);
  return fault === undefined ? weight : refuse(reader.text, at, fault);
}

/** Reads words or a picture. */
function readValue(reader: Reader): Pick<QueryTerm, "kind" | "value"> {
  const picture = take(reader, patterns.picture);
  if (picture?.groups?.["row"] !== undefined) return { kind: "row", value: readName(reader, "an id") };
  if (picture !== undefined) return { kind: "picture", value: readName(reader, "a path or an address") };
  return { kind: "text", value: isQuote(reader.text[reader.at]) ? readQuoted(reader) : readWords(reader) };
}

/** Reads one term, and the whitespace after it. */
function readTerm(reader: Reader, sign: 1 | -1): QueryTerm {
  if (reader.at === reader.text.length || isSign(reader, reader.at)) {
    refuse(reader.text, reader.at, "expected words or a picture here; signs that are text go into quotes");
  }
  const weight = sign * readWeight(reader);
  const start = reader.at;
  const { kind, value } = readValue(reader);
  if (value.trim() === "") refuse(reader.text, start, "there is nothing between the quotes; put words there");
  take(reader, patterns.space);
  return { kind, value, weight };
}

/** Reads a sign that is there. */
function readSign(reader: Reader): 1 | -1 {
  const sign = take(reader, patterns.sign)?.[0];
  if (sign === undefined) {
    const advice = 'with whitespace behind it: "beach" + "sunset"; put all into one pair of quotes for one text';
    refuse(reader.text, reader.at, `expected + or - between two terms, ${advice}`);
  }
  take(reader, patterns.space);
  return sign === "-" ? -1 : 1;
}

/**
 * Reads a query such as `"beach" + "sunset" - people`, `0.5:beach + 2:"red sky"` or `@"my photo.jpg" + in snow`. Words
 * without signs are one text, whatever they contain.
 * @throws ClipError "bad-argument" that says in which column what was expected, the place marked below the query.
 */
export function parseQuery(text: string): Query {
  if (text.length > mostCharacters) {
    throw new ClipError("bad-argument", `query: expected at most ${mostCharacters} characters, got ${text.length}`);
  }
  const reader: Reader = { text, at: 0 };
  take(reader, patterns.space);
  const terms: QueryTerm[] = [readTerm(reader, isSign(reader, reader.at) ? readSign(reader) : 1)];
  while (reader.at < text.length) terms.push(readTerm(reader, readSign(reader)));
  const query = { terms };
  checkQuery(query);
  return query;
}
