import type { IndexUpdate, UpdateOptions } from "./update-options.ts";

/**
 * Brings an index up to date, or makes it: what is new or changed below the sources is embedded, what is gone leaves.
 * One process at a time; whoever searches sees the index as it was or as it becomes. Killed at any moment it stays
 * usable, and the next update goes on where it ended. Broken files are left out and counted.
 * @throws ClipError "bad-config" for another model than the index's own, "bad-data" for a source that is empty though
 *   the index has pictures of it, "interrupted" where `shouldStop` said so, "bad-argument" while another process updates.
 */
export async function updatePictureIndex(options: UpdateOptions): Promise<IndexUpdate> {
  // Decoding and reading shards is much to load, and who only searches needs none of it.
  const { updateIndex } = await import("./update-index.ts");
  return updateIndex(options);
}
