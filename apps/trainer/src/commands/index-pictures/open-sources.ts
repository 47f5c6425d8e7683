import { statSync } from "node:fs";
import { resolve } from "node:path";
import { isAddress, shardKindOf } from "@clip-ts/node";
import type { PictureSource, SourceReading } from "@clip-ts/picture-index";
import { kindOfPaths } from "../../config/shard-kinds.ts";
import { openPlaces, openShards, type OpenShards, type RemoteSettings } from "../../config/open-shards.ts";
import type { ChosenReading } from "./choose-readings.ts";

/** Sources of an index, and what ends the use of their shards. */
export interface OpenSources {
  readonly sources: readonly PictureSource[];
  readonly sets: readonly OpenShards[];
  close(): Promise<void>;
}

/** Makes a path absolute as the index's record has it; addresses stay as they are. */
export const absolute = (word: string): string =>
  isAddress(word) ? word : resolve(word) + (/(?<=.)[/\\]$/.test(word) && shardKindOf(word) !== undefined ? "/" : "");

/** Whether a word is a folder of pictures or one picture: whatever is here and is neither shards nor says so. */
async function isPictures(word: string, { kind }: SourceReading, places: RemoteSettings): Promise<boolean> {
  if (kind !== undefined) return kind === "folder";
  if (isAddress(word)) return false;
  const found = statSync(word, { throwIfNoEntry: false });
  const isFolder = found?.isDirectory() === true;
  if (shardKindOf(word) !== undefined) return isFolder;
  if (found === undefined && /[{*]|::/.test(word)) return false;
  if (!isFolder) return true; // a picture, or a folder that is not there now
  const { store } = openPlaces(places);
  return (await kindOfPaths([word], store).finally(() => store.close())) === "folder";
}

/** Opens what words name, each read as was chosen; those that are folders or pictures are listed later. */
export async function openSources(
  chosen: readonly ChosenReading[],
  cacheFolder: string | undefined,
): Promise<OpenSources> {
  const sources: PictureSource[] = [];
  const sets: OpenShards[] = [];
  const close = async (): Promise<void> => {
    for (const set of sets) await set.close();
  };
  try {
    for (const { word, path, reading } of chosen) {
      const { endpoint, anonymous, ...read } = reading;
      const places = { endpoint, anonymous, cacheFolder };
      if (await isPictures(word, reading, places)) {
        sources.push({ path, reading: { kind: "folder" } });
        continue;
      }
      const set = await openShards({ ...read, path }, places);
      sets.push(set);
      const shards = set.groups.flatMap((group) => group.shards);
      sources.push({ path, shards, fingerprint: set.fingerprint, reading: { ...reading, kind: set.storedAs } });
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { sources, sets, close };
}
