import { ClipError } from "@clip-ts/base";
import { imageExtensions } from "@clip-ts/image";
import {
  extensionOf,
  folderOf,
  joinPath,
  listFolder,
  loadImageFile,
  nameOf,
  readText,
  reasonOf,
  withoutExtension,
  type FileAccess,
  type FileSourceOptions,
} from "./file-access.ts";
import { mapConcurrently } from "./image-loader.ts";
import { createTally, type LeftOutItem, type LeftOutTally } from "./left-out.ts";
import { pairSource, type PairRecord, type PairSource } from "./pair-source.ts";
import { checkSkipped, skipLimit, type MaxSkipped } from "./skipped-images.ts";

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
export async function listOneFolder(access: FileAccess, path: string, tally: LeftOutTally): Promise<FolderContent> {
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
  return places.some((place) => place === folder || inside.some((start) => place.startsWith(start)));
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
export async function listFiles(access: FileAccess, root: string, tally: LeftOutTally): Promise<string[]> {
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

/** Options of folderSource. */
export interface FolderSourceOptions extends FileSourceOptions {
  readonly directory: string;
  /** Captions for images without a text file, "{}" standing for the name of their folder. */
  readonly templates?: readonly string[];
  /** Lower-case endings that count as images; those that `decodeImage` reads by default. */
  readonly extensions?: readonly string[];
  /** How many images may be without a caption; 1 % but never fewer than 10 by default. */
  readonly maxSkipped?: MaxSkipped;
}

/** What a record says about its image, or why it says nothing. */
type Description =
  | Pick<PairRecord, "captions" | "concept">
  | {
      readonly kind: "no-caption" | "empty-caption" | "unreadable-caption";
      /** The file that is at fault. */
      readonly name: string;
      readonly reason: string;
    };

/** `golden_retriever` -> `golden retriever`. */
function readableName(folder: string): string {
  return nameOf(folder).replaceAll(/[_-]+/g, " ").trim();
}

/** One caption a line; blank lines, which are none, are counted. */
async function readCaptions({ files }: FileSourceOptions, path: string, tally: LeftOutTally): Promise<Description> {
  let text: string;
  try {
    text = await readText(files, path);
  } catch (error) {
    return { kind: "unreadable-caption", name: path, reason: reasonOf(error) };
  }
  const lines = text.replace(/\r?\n$/, "").split(/\r?\n/);
  const captions = lines.map((line) => line.trim()).filter((line) => line !== "");
  if (captions.length === 0) {
    return {
      kind: "empty-caption",
      name: path,
      reason: `${path} is empty; expected one caption a line`,
    };
  }
  for (let blank = captions.length; blank < lines.length; blank++) tally.add("blank-line", path);
  return { captions: [...new Set(captions)] };
}

/** What an image without a text file is said to show: the name of its folder. */
function describeByFolder(options: FolderSourceOptions, image: string): Description {
  const { directory, templates = [] } = options;
  const concept = readableName(folderOf(image));
  if (templates.length > 0 && concept !== "") {
    return { concept, captions: templates.map((template) => template.replaceAll("{}", concept)) };
  }
  const expected = joinPath(directory, `${withoutExtension(image)}.txt`);
  const remedy =
    templates.length > 0
      ? "or the image inside a folder that names its class"
      : 'or, of class folders, a template such as "a photo of a {}"';
  const reason = `${joinPath(directory, image)} has no caption: expected ${expected} with one caption a line, ${remedy}`;
  return { kind: "no-caption", name: joinPath(directory, image), reason };
}

/** The text files among paths, by what their names begin with. */
function captionFiles(paths: readonly string[]): ReadonlyMap<string, string> {
  const texts = paths.filter((path) => extensionOf(path) === ".txt");
  return new Map(texts.map((path) => [withoutExtension(path), path]));
}

/** The images below a folder and the text file of each, where there is one. */
async function listPairs(
  options: FolderSourceOptions,
  tally: LeftOutTally,
): Promise<{ readonly image: string; readonly textFile: string | undefined }[]> {
  const { directory, files, extensions = imageExtensions } = options;
  const paths = await listFiles(files, directory, tally);
  const images = paths.filter((path) => extensions.includes(extensionOf(path)));
  const texts = captionFiles(paths);
  const used = new Set(images.map((image) => texts.get(withoutExtension(image))));
  imagesAmong(paths, tally, { extensions, isUsed: (path) => used.has(path) });
  if (images.length > 0) {
    return images.map((image) => ({ image, textFile: texts.get(withoutExtension(image)) }));
  }
  throw new ClipError(
    "bad-data",
    `no image in ${directory}: looked for ${extensions.join(", ")} in it and the folders below`,
    { data: { directory, extensions } },
  );
}

/**
 * Images below a folder. `dog/7.jpg` takes its captions from `dog/7.txt`, one a line; without that
 * file from the templates and the folder's name ("a photo of a dog"), which is then its concept. Images
 * without a caption are left out and counted; more of them than `maxSkipped` are an error that names
 * the first five.
 */
export async function folderSource(options: FolderSourceOptions): Promise<PairSource> {
  const { directory, maxSkipped } = options;
  const tally = createTally();
  const pairs = await listPairs(options, tally);
  const skipped: LeftOutItem[] = [];
  const described = await mapConcurrently(pairs, 16, async ({ image, textFile }) =>
    textFile === undefined
      ? describeByFolder(options, image)
      : readCaptions(options, joinPath(directory, textFile), tally),
  );
  const records = described.flatMap((description, index): PairRecord[] => {
    const { image = "" } = pairs[index] ?? {};
    const path = joinPath(directory, image);
    if (!("kind" in description)) {
      return [{ key: image, ...description, path, loadImage: () => loadImageFile(options, path) }];
    }
    const { kind, name, reason } = description;
    tally.add(kind, name, reason);
    skipped.push({ name, reason });
    return [];
  });
  const total = pairs.length;
  const limit = skipLimit(total, maxSkipped);
  const what = "images have no caption";
  checkSkipped({ label: directory, what, total, skipped, limit, kept: records.length });
  return { ...pairSource(directory, records), leftOut: tally.list() };
}
