import { createTally, imagesAmong, listFiles, type OpenShard, type Shard, type SideFile } from "@clip-ts/data";
import { ClipError } from "@clip-ts/base";
import { fileAccess } from "../list-images.ts";
import { localStore } from "./local-store.ts";
import { isAddress } from "./places.ts";
import type { SetContext } from "./set-context.ts";
import type { FoundShards, NamedFile } from "./tar-shards.ts";

/** Images of one shard. */
const imagesPerShard = 4096;

const withoutEnding = (path: string): string => path.replace(/\.[^./]+$/, "");

/** An image of a folder, and the text file beside it. */
interface FolderPair {
  readonly image: string;
  readonly text: string | undefined;
}

async function wholeFile(path: string): Promise<SideFile["place"] | undefined> {
  const facts = await localStore.facts(path);
  return facts && { path, offset: 0, length: facts.bytes };
}

function openPart(folder: string, name: string, pairs: readonly FolderPair[]): OpenShard {
  return {
    async sample(index) {
      const { image = "", text } = pairs[index] ?? {};
      const [place, said] = await Promise.all([
        wholeFile(`${folder}/${image}`),
        text === undefined ? undefined : wholeFile(`${folder}/${text}`),
      ]);
      const files = said === undefined ? [] : [{ ending: "txt", place: said }];
      const key = `${name}/${image}`;
      return { key, image: place ?? { reason: `${folder}/${image} is no longer there` }, texts: { files } };
    },
    close: async () => undefined,
  };
}

/**
 * Images below folders of this machine as shards of 4,096, each with the text of `name.txt` beside it. Names are in
 * memory, 100 bytes an image; nothing is read until its turn comes.
 * @throws ClipError "bad-data" for a folder without images.
 */
export async function folderShards(files: readonly NamedFile[], context: SetContext): Promise<FoundShards> {
  const shards: Shard[] = [];
  const versions: string[] = [];
  for (const { place, name } of files) {
    if (isAddress(place)) {
      throw new ClipError("unsupported", `${place}: folders of images are read from this machine; make shards of them`);
    }
    const folder = place.replace(/\/+$/, "");
    const tally = createTally();
    const paths = await listFiles(fileAccess, folder, tally);
    const texts = new Set(paths.filter((path) => path.endsWith(".txt")));
    const extensions = context.image?.map((ending) => `.${ending.replace(/^\./, "")}`);
    const textOf = (image: string): string | undefined => {
      const text = `${withoutEnding(image)}.txt`;
      return texts.has(text) ? text : undefined;
    };
    const isUsed = (path: string): boolean => texts.has(path);
    const images = imagesAmong(paths, tally, { isUsed, ...(extensions && { extensions }) });
    if (images.length === 0) throw new ClipError("bad-data", `there is no image in ${place} or the folders below`);
    if (tally.list().length > 0) context.onLeftOut?.(name, tally.list());
    versions.push(...images);
    for (let start = 0; start < images.length; start += imagesPerShard) {
      const own = images.slice(start, start + imagesPerShard);
      const pairs = own.map((image): FolderPair => ({ image, text: textOf(image) }));
      const open = async (): Promise<OpenShard> => openPart(folder, name, pairs);
      shards.push({ name: `${name}/${start / imagesPerShard}`, samples: own.length, open });
    }
  }
  return { shards, versions };
}
