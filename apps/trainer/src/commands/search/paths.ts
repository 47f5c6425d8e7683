import { dirname, sep } from "node:path";

/** Names of pictures as people read them, and where they begin. */
export interface ShownPaths {
  readonly names: readonly string[];
  /** The folder that all names begin in; absent where they begin where the program runs, or are whole. */
  readonly below?: string;
}

const withEnd = (folder: string): string => (folder.endsWith(sep) ? folder : folder + sep);

/** The folder that a source's pictures lie in: of a tar the one beside it. */
function folderOf(source: string, ids: readonly string[]): string {
  const isShard = ids.some((id) => id === source || id.startsWith(`${source}#`));
  return isShard ? dirname(source) : source;
}

/** Pictures' ids as paths from where the program runs, or from their source, if all lie below it; else whole. */
export function shownPaths(ids: readonly string[], sources: readonly string[], cwd = process.cwd()): ShownPaths {
  const isBelow = (folder: string): boolean => ids.every((id) => id.startsWith(withEnd(folder)));
  const from = (folder: string): string[] => ids.map((id) => id.slice(withEnd(folder).length));
  if (isBelow(cwd)) return { names: from(cwd) };
  const below = sources.map((source) => folderOf(source, ids)).find(isBelow);
  return below === undefined ? { names: ids } : { names: from(below), below };
}

/** A name in at most so many characters: what is too much is taken from its middle. Control characters show as "�". */
export function shorten(name: string, width: number): string {
  const characters = Array.from(name.replaceAll(/\p{Cc}/gu, "\u{FFFD}"));
  if (characters.length <= width) return characters.join("");
  const head = Math.floor((width - 1) * 0.4);
  const tail = width - 1 - head;
  return `${characters.slice(0, head).join("")}…${characters.slice(-tail).join("")}`;
}
