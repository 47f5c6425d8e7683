import { imageExtensions } from "@clip-ts/image";
import { extensionOf, joinPath, listFolder, reasonOf, type FileAccess } from "./file-access.ts";
import type { LeftOutTally } from "./left-out.ts";

/** Names in the order of their code points, as Python sorts them. */
function compareNames(one: string, other: string): number {
  const length = Math.min(one.length, other.length);
  let at = 0;
  while (at < length && one.charCodeAt(at) === other.charCodeAt(at)) at++;
  if (at === length) return one.length - other.length;
  const [unit, otherUnit] = [one.charCodeAt(at), other.charCodeAt(at)];
  // A surrogate stands for a code point above all others, whatever its own number.
  const isSurrogate = (value: number): boolean => value >= 0xd800 && value < 0xe000;
  const [high, otherHigh] = [isSurrogate(unit), isSurrogate(otherUnit)];
  return high === otherHigh ? unit - otherUnit : Number(high) - Number(otherHigh);
}

/** What a folder holds of its own, by name. */
export interface FolderContent {
  readonly files: readonly string[];
  readonly folders: readonly { readonly name: string; readonly isLink: boolean }[];
}

/**
 * The files and folders directly in a folder, in the order of their names; links count as what they lead
 * to. Hidden names (which begin with a dot, as macOS's `._` files do), links that lead nowhere and what
 * is neither file nor folder are left out and counted. Throws "not-found" where there is no folder.
 */
export async function listOneFolder(
  access: FileAccess,
  path: string,
  tally: LeftOutTally,
): Promise<FolderContent> {
  const files: string[] = [];
  const folders: { name: string; isLink: boolean }[] = [];
  const entries = await listFolder(access, path);
  for (const entry of entries.toSorted((a, b) => compareNames(a.name, b.name))) {
    const { name, isDirectory, isLink = false, unusable } = entry;
    if (name.startsWith(".")) tally.add("hidden", joinPath(path, name));
    else if (unusable !== undefined) tally.add(unusable, joinPath(path, name));
    else if (isDirectory) folders.push({ name, isLink });
    else files.push(name);
  }
  return { files, folders };
}

/** True for a folder, without links, that is one of these or holds one: to follow a link there never ends. */
function holdsOneOf(folder: string, places: readonly string[]): boolean {
  const inside = /[/\\]$/.test(folder) ? [folder] : [`${folder}/`, `${folder}\\`];
  return places.some(
    (place) => place === folder || inside.some((start) => place.startsWith(start)),
  );
}

/** A folder on the way down. */
interface Visit {
  /** Relative to where the walk began. */
  readonly below: string;
  /** Without links: the folder itself and those above it. */
  readonly real: readonly string[];
}

/**
 * Every file below a folder, relative to it: folder by folder in the order of their paths, by name in
 * each, as Python's `sorted(os.walk(folder, followlinks=True))` has them. Linked folders are followed,
 * but for those that lead back to a folder above them. What is left out is counted.
 */
export async function listFiles(
  access: FileAccess,
  root: string,
  tally: LeftOutTally,
): Promise<string[]> {
  const byFolder = new Map<string, readonly string[]>();
  const full = (below: string): string => (below === "" ? root : joinPath(root, below));
  const realOf = async (path: string): Promise<string> =>
    (await access.realPath?.(path).catch(() => undefined)) ?? path;

  const content = async (below: string): Promise<FolderContent> => {
    try {
      return await listOneFolder(access, full(below), tally);
    } catch (error) {
      if (below === "") throw error;
      tally.add("unlisted-folder", full(below), reasonOf(error));
      return { files: [], folders: [] };
    }
  };
  const visit = async ({ below, real }: Visit): Promise<void> => {
    const { files, folders } = await content(below);
    byFolder.set(
      below,
      files.map((name) => joinPath(below, name)),
    );
    for (const { name, isLink } of folders) {
      const next = joinPath(below, name);
      const place = isLink ? await realOf(full(next)) : joinPath(real[0] ?? root, name);
      if (isLink && holdsOneOf(place, real)) tally.add("loop", full(next));
      else await visit({ below: next, real: [place, ...real] });
    }
  };

  await visit({ below: "", real: [await realOf(root)] });
  const folders = [...byFolder.keys()].toSorted(compareNames);
  return folders.flatMap((folder) => byFolder.get(folder) ?? []);
}

/** What of a list of files is used. */
export interface ChosenImages {
  /** Lower-case endings of images; those that `decodeImage` reads by default. */
  readonly extensions?: readonly string[];
  /** True for what is read beside the images, so that it is not counted as left out. */
  readonly isUsed?: (path: string) => boolean;
}

/** The images among files, by their endings; all other files are counted by theirs. */
export function imagesAmong(
  paths: readonly string[],
  tally: LeftOutTally,
  { extensions = imageExtensions, isUsed }: ChosenImages = {},
): string[] {
  return paths.filter((path) => {
    const ending = extensionOf(path);
    if (extensions.includes(ending)) return true;
    if (isUsed?.(path) !== true) tally.add(`ending ${ending}`, path);
    return false;
  });
}
