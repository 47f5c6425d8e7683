import { imageExtensions } from "@clip-ts/image";

/** The name of an entry in two: what it shares with the other files of its sample, and what they are told apart by. */
export interface EntryName {
  /** With its folder. */
  readonly key: string;
  /** In lower case, without the dot: `jpg`, `mask.png`. */
  readonly ending: string;
}

/**
 * Cuts a name as webdataset does (`base_plus_ext`): the key goes up to the first dot of the last name, the rest is
 * the ending. Undefined for names without a key or an ending, hidden files among them.
 */
export function cutName(name: string): EntryName | undefined {
  const found = /^((?:.*\/)?[^./]+)\.([^/]*)$/su.exec(name.replace(/^(?:\.\/)+/, ""));
  return found === null ? undefined : { key: found[1] ?? "", ending: (found[2] ?? "").toLowerCase() };
}

/** Whether unpacking the name would lead out of a folder, or nowhere: such entries are not for us. */
export function isUnsafeName(name: string): boolean {
  return name.includes("\0") || /^(?:[/\\]|[A-Za-z]:[/\\])/.test(name) || name.split(/[/\\]/).includes("..");
}

/** Endings of images, those first that photographs have. */
export const imageEndings: readonly string[] = [
  ...new Set(["jpg", "jpeg", "png", "webp", ...imageExtensions.map((extension) => extension.slice(1))]),
];

/** Last parts of the endings of files that say something of an image. */
const textEndings: ReadonlySet<string> = new Set([
  "txt",
  "text",
  "caption",
  "captions",
  "title",
  "alt",
  "transcript",
  "cls",
  "json",
]);

/** Whether a file beside an image holds text, by its ending: `txt`, `fr.txt`, `json`. */
export function isTextEnding(ending: string): boolean {
  return textEndings.has(ending.slice(ending.lastIndexOf(".") + 1));
}
