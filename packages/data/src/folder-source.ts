import { ClipError } from "@clip-ts/base";
import {
  type FileAccess,
  type FileSourceOptions,
  listFolder,
  loadImageFile,
  readText,
} from "./file-access.ts";
import { mapConcurrently } from "./limit-concurrency.ts";
import { type PairRecord, type PairSource, pairSource } from "./pair-source.ts";
import { extensionOf, folderOf, joinPath, nameOf, withoutExtension } from "./paths.ts";

const imageExtensions = [".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".avif"];

/** Options of folderSource. */
export interface FolderSourceOptions extends FileSourceOptions {
  readonly directory: string;
  /** Captions for images without a text file, "{}" standing for the name of their folder. */
  readonly templates?: readonly string[];
  /** Lower-case endings that count as images. */
  readonly extensions?: readonly string[];
}

/** What a record says about its image. */
type Description = Pick<PairRecord, "captions" | "concept">;

/** Every file below the folder, relative to it; hidden names are left out. */
async function listTree(files: FileAccess, root: string, below = ""): Promise<string[]> {
  const entries = await listFolder(files, below === "" ? root : joinPath(root, below));
  const found: string[][] = [];
  for (const { name, isDirectory } of entries) {
    if (name.startsWith(".")) continue;
    const path = joinPath(below, name);
    found.push(isDirectory ? await listTree(files, root, path) : [path]);
  }
  return found.flat();
}

function linesOf(text: string): string[] {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  return [...new Set(lines)].filter((line) => line !== "");
}

/** `golden_retriever` -> `golden retriever`. */
function readableName(folder: string): string {
  return nameOf(folder).replaceAll(/[_-]+/g, " ").trim();
}

async function readCaptions(files: FileAccess, path: string): Promise<string[]> {
  const captions = linesOf(await readText(files, path));
  if (captions.length > 0) return captions;
  throw new ClipError("bad-data", `${path} is empty; expected one caption a line`);
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
      : 'or pass templates such as "a photo of a {}" to make captions from folder names';
  throw new ClipError(
    "bad-data",
    `${joinPath(directory, image)} has no caption: expected ${expected} with one caption a line, ${remedy}`,
  );
}

/**
 * Images below a folder. `dog/7.jpg` takes its captions from `dog/7.txt`, one a line; without that
 * file from the templates and the folder's name ("a photo of a dog"), which is then its concept.
 */
export async function folderSource(options: FolderSourceOptions): Promise<PairSource> {
  const { directory, files, extensions = imageExtensions } = options;
  const paths = await listTree(files, directory);
  const images = paths.filter((path) => extensions.includes(extensionOf(path)));
  if (images.length === 0) {
    throw new ClipError(
      "bad-data",
      `no image in ${directory}: looked for ${extensions.join(", ")} in it and the folders below`,
      { data: { directory, extensions } },
    );
  }
  const known = new Set(paths);
  const records = await mapConcurrently(images, 16, async (image): Promise<PairRecord> => {
    const textFile = `${withoutExtension(image)}.txt`;
    const path = joinPath(directory, image);
    const described: Description = known.has(textFile)
      ? { captions: await readCaptions(files, joinPath(directory, textFile)) }
      : describeByFolder(options, image);
    return {
      key: image,
      ...described,
      path,
      loadImage: () => loadImageFile(options, path),
    };
  });
  return pairSource(directory, records);
}
