import { ClipError, shown } from "@clip-ts/base";

/** One part of a query: words, a picture from outside or one of the index, and how much of it. */
export interface QueryTerm {
  /** "row" is a picture of the index, by its id. */
  readonly kind: "text" | "picture" | "row";
  /** The words, the picture's path or address, or the id. */
  readonly value: string;
  /** From 0.001 to 1000, below 0 for what is not wanted. */
  readonly weight: number;
}

/** A query, read. At least one of its terms is wanted. */
export interface Query {
  readonly terms: readonly QueryTerm[];
}

/** Least and greatest weight: where one term outweighs another by more, the other may as well be left out. */
const weightRange = { least: 0.001, greatest: 1000 } as const;

/** Terms of a query at most, so that no query is work without end. */
const mostTerms = 64;

/** Why a query of negative terms alone is refused. */
const onlyUnwanted = "it only says what is not wanted, and most pictures are unlike anything; say also what is wanted";

/** Says why a weight cannot be used, or nothing. */
export function faultOfWeight(weight: number): string | undefined {
  const size = Math.abs(weight);
  if (size === 0) return "a weight of 0 takes nothing of a term; leave the term out";
  if (size >= weightRange.least && size <= weightRange.greatest) return undefined;
  return `expected a weight from ${weightRange.least} to ${weightRange.greatest}, got ${String(size)}`;
}

/** @throws ClipError "bad-argument" for a query that no text reads as, such as one that a program made. */
export function checkQuery({ terms }: Query): void {
  const refuse = (message: string): never => {
    throw new ClipError("bad-argument", `query: ${message}`);
  };
  if (terms.length === 0) refuse("expected words or a picture, got nothing");
  if (terms.length > mostTerms) refuse(`expected at most ${mostTerms} terms, got ${terms.length}`);
  for (const { value, weight } of terms) {
    if (value.trim() === "") refuse(`expected words, or the name of a picture, got ${shown(value)}`);
    const fault = faultOfWeight(weight);
    if (fault !== undefined) refuse(`${shown(value)}: ${fault}`);
  }
  if (terms.every(({ weight }) => weight < 0)) refuse(onlyUnwanted);
}
