import { isAbsolute, relative, resolve, sep } from "node:path";
import { ClipError } from "@clip-ts/base";
import type { PictureIndex } from "@clip-ts/picture-index";
import type { Condition, Filter } from "@clip-ts/search";
import type { SearchWords } from "./request.ts";

const startsWith = (folder: string): Condition => ({ field: "folder", is: "starts-with", value: folder });

/** A folder as the index writes it: with slashes, one at its end, "" for the top. */
function asField(folder: string): string {
  const parts = folder.split(sep === "\\" ? /[/\\]/u : "/").filter((part) => part !== "" && part !== ".");
  return parts.length === 0 ? "" : `${parts.join("/")}/`;
}

/** A folder of the disk as its source and the way from there; undefined if it lies in no source. */
function onDisk(folder: string, sources: readonly string[]): Filter | undefined {
  const path = resolve(folder);
  for (const source of sources) {
    const way = relative(source, path);
    if (way.startsWith("..") || isAbsolute(way)) continue;
    return [{ field: "source", is: "equal", value: source }, startsWith(asField(way))];
  }
  return undefined;
}

/**
 * What `--folder` stands for: a folder as the index has it, from its source on, else as the disk has it, from where the
 * program runs. @throws ClipError "bad-argument" if no picture lies below either.
 */
async function inFolder({ vectors, record }: PictureIndex, folder: string): Promise<Filter> {
  const fromSource: Filter[] = isAbsolute(folder) ? [] : [[startsWith(asField(folder))]];
  for (const filter of [...fromSource, onDisk(folder, record.sources) ?? []]) {
    if (filter.length > 0 && (await vectors.count(filter)) > 0) return filter;
  }
  throw new ClipError(
    "bad-argument",
    `--folder ${folder}: the index has no picture there. Its sources are ${record.sources.join(", ")}; give a folder ` +
      "below one of them, as seen from it or as a path.",
    { data: { folder } },
  );
}

/** Everything that the options on fields ask for. */
export async function filterOf(index: PictureIndex, { folder, conditions }: SearchWords): Promise<Filter> {
  return folder === undefined ? conditions : [...(await inFolder(index, folder)), ...conditions];
}
