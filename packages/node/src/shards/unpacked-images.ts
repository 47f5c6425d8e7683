import { randomUUID } from "node:crypto";
import { mkdir, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RowGroup } from "@clip-ts/data";

/** Where the image of a row lies: in a file of this machine, or in one that the row names; undefined where it has none. */
export type UnpackedImage =
  | { readonly path: string; readonly offset: number; readonly length: number }
  | string
  | undefined;

/** Images of a row group, of which those that were packed lie in a file that is removed at the end. */
export interface UnpackedImages {
  readonly images: readonly UnpackedImage[];
  remove(): Promise<void>;
}

/** Bytes that are collected before they are written. */
const piece = 2 ** 20;

/** Writes pieces behind each other into a file that is created when there is something to write. */
function createScratch(folder: string) {
  const path = join(folder, `${randomUUID()}.images`);
  let handle: Awaited<ReturnType<typeof open>> | undefined;
  let [waiting, waitingBytes, length]: [Uint8Array[], number, number] = [[], 0, 0];
  const flush = async (): Promise<void> => {
    if (waitingBytes === 0) return;
    if (handle === undefined) {
      await mkdir(folder, { recursive: true });
      handle = await open(path, "wx");
    }
    await handle.writeFile(Buffer.concat(waiting));
    [waiting, waitingBytes] = [[], 0];
  };
  return {
    path,
    /** Where the bytes will lie. */
    async add(bytes: Uint8Array): Promise<number> {
      const offset = length;
      waiting.push(bytes);
      waitingBytes += bytes.byteLength;
      length += bytes.byteLength;
      if (waitingBytes >= piece) await flush();
      return offset;
    },
    async end(): Promise<void> {
      await flush();
      await handle?.close();
      handle = undefined;
    },
    async remove(): Promise<void> {
      await handle?.close().catch(() => undefined);
      await rm(path, { force: true });
    },
  };
}

/**
 * Where the images of a row group lie. What is packed is unpacked once, page by page, into a file in the cache
 * folder, so that whoever decodes reads only its own image, and no images are in memory.
 */
export async function unpackImages(group: RowGroup, file: string, cacheFolder?: string): Promise<UnpackedImages> {
  const scratch = createScratch(join(cacheFolder ?? tmpdir(), "clip-ts-unpacked"));
  const images: UnpackedImage[] = [];
  try {
    for await (const image of group.images()) {
      if (image instanceof Uint8Array) {
        images.push({ path: scratch.path, offset: await scratch.add(image), length: image.byteLength });
      } else {
        images.push(typeof image === "object" ? { path: file, ...image } : image);
      }
    }
    await scratch.end();
  } catch (error) {
    await scratch.remove();
    throw error;
  }
  return { images, remove: () => scratch.remove() };
}
