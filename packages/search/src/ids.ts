import { ClipError, shown } from "@clip-ts/base";

/** Puts the surrogates, which stand for the code points above U+FFFF, behind all other code units. */
const rankOf = (unit: number): number => (unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800);

/**
 * Orders ids by their code points, which is the order of their bytes in UTF-8 and thus that of databases; `<` of
 * JavaScript compares 16-bit units and differs beyond U+FFFF. Below 0 where `a` comes first.
 */
export function compareIds(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length);
  let at = 0;
  while (at < shorter && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  if (at === shorter) return a.length - b.length;
  return rankOf(a.charCodeAt(at)) - rankOf(b.charCodeAt(at));
}

/** Half of a pair of surrogates: such a text has no UTF-8, so that it would come back as another one. */
const loneSurrogate = /\p{Surrogate}/u;

/** Whether a text can be stored as UTF-8 and come back the same. */
export const isStorable = (text: string): boolean => !loneSurrogate.test(text);

/** @throws ClipError "bad-argument" for an id that is no text, empty or without UTF-8. */
export function assertId(id: unknown): asserts id is string {
  if (typeof id === "string" && id !== "" && isStorable(id)) return;
  throw new ClipError("bad-argument", `Expected a text of one character or more as an id; got ${shown(id)}.`);
}

/** @throws ClipError "bad-argument" for a list with anything but ids. */
export function assertIds(ids: readonly string[]): void {
  if (!Array.isArray(ids)) throw new ClipError("bad-argument", `Expected a list of ids; got ${shown(ids)}.`);
  for (const id of ids) assertId(id);
}

/** @throws ClipError "bad-argument" for ids of which one comes twice. */
export function assertDistinctIds(ids: readonly string[]): void {
  assertIds(ids);
  const seen = new Set<string>();
  for (const id of ids) {
    if (seen.has(id)) {
      throw new ClipError("bad-argument", `The id ${shown(id)} comes twice in one call; add each row once.`);
    }
    seen.add(id);
  }
}
