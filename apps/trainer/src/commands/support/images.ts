import { readFile } from "node:fs/promises";
import { ClipError } from "@clip-ts/base";
import { preprocessInTurns } from "@clip-ts/image";
import type { ImageJob } from "@clip-ts/model";
import { decodeImage, type ModelDescription } from "@clip-ts/node";
import type { OptionHelp } from "../../cli/command.ts";

/** The option that honours orientation tags. */
export const exifOption: OptionHelp = {
  type: "boolean",
  help: "turn photographs upright as their EXIF tag says; the originals do not",
};

/** An image file as the model sees it: [3, size, size]. @throws ClipError that names the file. */
export async function readImage(
  path: string,
  description: ModelDescription,
  honourExif: boolean,
): Promise<Float32Array> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ClipError("not-found", `The image ${path} cannot be read: ${reason}`, { cause });
  });
  return preprocessInTurns(await decodeImage(bytes, path, { honourExif }), description.preprocess);
}

/** Image files that are read when their turn comes. */
export function imageJobs(
  paths: readonly string[],
  description: ModelDescription,
  honourExif = false,
): ImageJob<Float32Array>[] {
  return paths.map((path) => ({
    name: path,
    load: () => readImage(path, description, honourExif),
  }));
}
