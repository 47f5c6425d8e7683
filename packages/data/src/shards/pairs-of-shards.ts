import { ClipError, randomStream } from "@clip-ts/base";
import type { DecodeImage } from "../file-access.ts";
import { reasonOf } from "../file-access.ts";
import { createTally, type LeftOutTally } from "../left-out.ts";
import { pairSource, type PairRecord, type PairSource } from "../pair-source.ts";
import { chooseCaption, type CaptionChoice } from "../captions/choose.ts";
import { readTexts, type ReadBytes } from "./read-texts.ts";
import type { OpenShard, Sample, Shard, ShardSet, Texts } from "./shard-set.ts";

/** Options of pairsOfShards. */
export interface PairsOfShardsOptions {
  readonly read: ReadBytes;
  readonly decode: DecodeImage;
  /** Names of the texts that are captions; the first usual one by default. */
  readonly captions?: CaptionChoice | undefined;
  /** At most so many samples are listed, the first ones; 100,000 by default. */
  readonly limit?: number | undefined;
}

const usualLimit = 100_000;

/** Every chosen caption of a sample, or its usual one. */
function captionsOf(texts: Texts, choice: CaptionChoice | undefined): string[] {
  if (choice === undefined) {
    const usual = chooseCaption(texts, undefined, randomStream(0));
    return usual === undefined ? [] : [usual];
  }
  const said = Object.keys(choice).map((name) => (Object.hasOwn(texts, name) ? texts[name] : undefined));
  return said.filter((text) => text !== undefined && text.trim() !== "") as string[];
}

/** Opens shards, and keeps the last one open: images are asked for in order. */
function lastOpened(): (shard: Shard) => Promise<OpenShard> {
  let last: { readonly shard: Shard; readonly open: Promise<OpenShard> } | undefined;
  return (shard) => {
    if (last?.shard === shard) return last.open;
    void last?.open.then((opened) => opened.close()).catch(() => undefined);
    const open = shard.open();
    open.catch(() => undefined); // whoever asked is told
    last = { shard, open };
    return open;
  };
}

interface Listing extends PairsOfShardsOptions {
  readonly open: (shard: Shard) => Promise<OpenShard>;
  readonly tally: LeftOutTally;
}

async function recordOf(shard: Shard, index: number, listing: Listing): Promise<PairRecord | undefined> {
  const { read, decode, tally, open, captions: choice } = listing;
  const sampleAt = async (): Promise<Sample> => (await open(shard)).sample(index);
  const { key, image, texts } = await sampleAt();
  if ("reason" in image) {
    tally.add("unreadable-image", key, image.reason);
    return undefined;
  }
  const captions = captionsOf(await readTexts(texts, read), choice);
  if (captions.length === 0) {
    tally.add("no-caption", key);
    return undefined;
  }
  const loadImage: PairRecord["loadImage"] = async () => {
    const { image: place } = await sampleAt();
    if ("reason" in place) throw new ClipError("bad-data", `${key}: ${place.reason}`);
    return decode(await read(place), key);
  };
  return { key, captions, loadImage };
}

/**
 * The first samples of a set as pairs that are listed up front, in the order of the shards: for evaluation, which
 * compares all of them with each other. Reads their captions; images when their turn comes. Samples without an image or a
 * caption, and shards that cannot be opened, are counted in `leftOut`.
 */
export async function pairsOfShards(set: ShardSet, options: PairsOfShardsOptions): Promise<PairSource> {
  const { limit = usualLimit } = options;
  const listing: Listing = { ...options, open: lastOpened(), tally: createTally() };
  const records: PairRecord[] = [];
  for (const shard of set.groups.flatMap(({ shards }) => shards)) {
    try {
      for (let index = 0; index < shard.samples && records.length < limit; index++) {
        const record = await recordOf(shard, index, listing);
        if (record !== undefined) records.push(record);
      }
    } catch (error) {
      listing.tally.add("unreadable-image", shard.name, reasonOf(error));
    }
    if (records.length >= limit) break;
  }
  return { ...pairSource(set.label, records), leftOut: listing.tally.list() };
}
