import { createHash } from "node:crypto";
import type { OpenShard, PairRecord, PairSource, Sample, Shard, ShardSet, Texts } from "@clip-ts/data";
import { encodePng } from "./make-image.ts";

/** Pairs of one shard. */
const pairsPerShard = 4096;

/** Captions by names: `txt`, then `caption_2`, …. */
function textsOf({ captions, concept, group }: PairRecord): Texts {
  const named = captions.map((caption, at): [string, string] => [at === 0 ? "txt" : `caption_${at + 1}`, caption]);
  return { ...Object.fromEntries(named), ...(concept && { concept }), ...(group && { group }) };
}

function openPairs(records: readonly PairRecord[]): OpenShard {
  return {
    async sample(index): Promise<Sample> {
      const record = records[index] as PairRecord;
      const place = { key: record.key, texts: { texts: textsOf(record) } };
      try {
        return { ...place, image: { bytes: await encodePng(await record.loadImage()) } };
      } catch (error) {
        return { ...place, image: { reason: error instanceof Error ? error.message : String(error) } };
      }
    },
    close: async () => undefined,
  };
}

/** Pairs that are listed up front as shards of 4,096. Images are decoded when their turn comes, and are PNGs then. */
export function shardsOfPairs({ label, records }: PairSource): ShardSet {
  const hash = createHash("sha256");
  for (const { key, captions } of records) hash.update(`${JSON.stringify([key, captions])}\n`);
  const shards: Shard[] = [];
  for (let start = 0; start < records.length; start += pairsPerShard) {
    const own = records.slice(start, start + pairsPerShard);
    shards.push({ name: `${start / pairsPerShard}`, samples: own.length, open: async () => openPairs(own) });
  }
  return { kind: "shards", label, groups: [{ label, shards, weight: 1 }], fingerprint: hash.digest("hex") };
}
