import { ClipError, randomStream } from "@clip-ts/base";
import type { DecodeImage } from "../file-access.ts";
import { reasonOf } from "../file-access.ts";
import { createTally, type LeftOutTally } from "../left-out.ts";
import { pairSource, type PairRecord, type PairSource } from "../pair-source.ts";
import { checkSkipped } from "../skipped-images.ts";
import { chooseCaption, type CaptionChoice } from "../captions/choose.ts";
import type { ShardPlace } from "./plan-shards.ts";
import { readTexts, type ReadBytes } from "./read-texts.ts";
import { lostShard } from "./sample-faults.ts";
import type { OpenShard, Shard, ShardSet, Texts, Unreadable } from "./shard-set.ts";
import { openShards } from "./window.ts";

/** Options of pairsOfShards. */
export interface PairsOfShardsOptions {
  readonly read: ReadBytes;
  readonly decode: DecodeImage;
  /** Names of the texts that are captions; the first usual one by default. */
  readonly captions?: CaptionChoice | undefined;
  /** At most so many pairs are listed, the first ones; 100,000 by default. */
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

/** Does something with a shard, which is open for as long. */
type WithShard = <Result>(
  place: ShardPlace,
  use: (opened: OpenShard | Unreadable) => Promise<Result>,
) => Promise<Result>;

/** Keeps the shard that was asked for last open, too: images are asked for in order. */
function createWithShard(set: ShardSet): WithShard {
  const shards = openShards(set);
  let last: { readonly place: ShardPlace; release(): void } | undefined;
  return async (place, use) => {
    const release = shards.hold([place]);
    if (last?.place !== place) {
      const before = last;
      last = { place, release: shards.hold([place]) };
      before?.release();
    }
    try {
      return await use(await shards.get(place));
    } finally {
      release();
    }
  };
}

interface Listing extends PairsOfShardsOptions {
  readonly withShard: WithShard;
  readonly tally: LeftOutTally;
  readonly records: PairRecord[];
  readonly limit: number;
}

/** A shard, and its place in the set. */
interface PlacedShard {
  readonly shard: Shard;
  readonly place: ShardPlace;
}

/** A sample as a pair, or undefined, counted, if it is none. Its shard is open. */
async function recordOf(
  place: ShardPlace,
  opened: OpenShard,
  index: number,
  listing: Listing,
): Promise<PairRecord | undefined> {
  const { read, decode, tally, withShard, captions: choice } = listing;
  const { key, image, texts } = await opened.sample(index);
  if ("reason" in image) {
    tally.add("unreadable-image", key, image.reason);
    return undefined;
  }
  const captions = captionsOf(await readTexts(texts, read), choice);
  if (captions.length === 0) {
    tally.add("no-caption", key);
    return undefined;
  }
  const loadImage: PairRecord["loadImage"] = () =>
    withShard(place, async (shard) => {
      const found = "reason" in shard ? shard : (await shard.sample(index)).image;
      if ("reason" in found) throw new ClipError("bad-data", `${key}: ${found.reason}`);
      return decode(await read(found), key);
    });
  return { key, captions, loadImage };
}

/** Lists the samples of a shard, up to the limit. */
async function listShard({ shard, place }: PlacedShard, opened: OpenShard | Unreadable, listing: Listing) {
  const { tally, records, limit } = listing;
  if ("reason" in opened) {
    tally.add("unreadable-image", shard.name, lostShard(shard, opened.reason), shard.samples);
    return;
  }
  for (let index = 0; index < shard.samples && records.length < limit; index++) {
    try {
      const record = await recordOf(place, opened, index, listing);
      if (record !== undefined) records.push(record);
    } catch (error) {
      tally.add("unreadable-image", `${shard.name}, sample ${index}`, reasonOf(error));
    }
  }
}

/**
 * The first samples of a set as pairs that are listed up front, in the order of the shards: for evaluation, which
 * compares all of them with each other. Reads their captions; images when their turn comes. Samples without an image or a
 * caption, and all samples of shards that cannot be opened, are counted in `leftOut`.
 * @throws ClipError "bad-data" that names the first reasons if no sample is a pair.
 */
export async function pairsOfShards(set: ShardSet, options: PairsOfShardsOptions): Promise<PairSource> {
  const { limit = usualLimit } = options;
  const [records, tally, withShard] = [[] as PairRecord[], createTally(), createWithShard(set)];
  const listing: Listing = { ...options, limit, records, tally, withShard };
  const placed = set.groups.flatMap(({ shards }, group) =>
    shards.map((shard, at): PlacedShard => ({ shard, place: { group, shard: at } })),
  );
  for (const one of placed) {
    if (records.length >= limit) break;
    if (one.shard.samples > 0) await withShard(one.place, (opened) => listShard(one, opened, listing));
  }
  const leftOut = tally.list();
  const count = leftOut.reduce((sum, kind) => sum + kind.count, 0);
  const skipped = leftOut.flatMap(({ examples }) => examples);
  const found = { label: set.label, what: "samples cannot be used", total: count + records.length, skipped, count };
  checkSkipped({ ...found, limit: Infinity, kept: records.length });
  return { ...pairSource(set.label, records), leftOut };
}
