// @ts-check
import { localStore, openShardSet } from "@clip-ts/node";

/** @param {string} pattern */
export const openTars = (pattern) => openShardSet({ kind: "webdataset", path: pattern, store: localStore });

/**
 * The first samples of a set, shard by shard.
 * @param {import("@clip-ts/data").ShardSet} set
 * @param {number} count
 */
export async function firstSamples({ groups }, count) {
  /** @type {import("@clip-ts/data").Sample[]} */
  const found = [];
  for (const shard of groups.flatMap(({ shards }) => shards)) {
    if (found.length >= count) break;
    const open = await shard.open();
    const wanted = Math.min(shard.samples, count - found.length);
    for (let index = 0; index < wanted; index++) found.push(await open.sample(index));
    await open.close();
  }
  return found;
}

/**
 * Where a sample's image lies in its tar.
 * @param {import("@clip-ts/data").Sample} sample
 */
export function placeOf({ image, key }) {
  if ("path" in image) return image;
  throw new Error(`${key}: expected an image in a tar`);
}
