import { createHash } from "node:crypto";
import type { HostArray } from "@clip-ts/core";
import type { Batch } from "@clip-ts/data";
import { gatherRows, type Communicator } from "@clip-ts/distributed";
import { pairGroups } from "@clip-ts/loss";
import { isShared } from "./agreement.ts";

/** Words of 32 bits that stand for a name: two alike among as many as a batch can hold are no accident. */
const wordsOfName = 2;

function hashed(names: readonly string[]): Int32Array {
  const words = new Int32Array(names.length * wordsOfName);
  for (const [row, name] of names.entries()) {
    const digest = createHash("sha256").update(name).digest();
    for (let word = 0; word < wordsOfName; word++) words[row * wordsOfName + word] = digest.readInt32LE(4 * word);
  }
  return words;
}

/** The hashes of all ranks' names, each as one text. */
async function gatherNames(ranks: Communicator, names: readonly string[]): Promise<string[]> {
  const { data } = await gatherRows(ranks, { data: hashed(names), shape: [names.length, wordsOfName] });
  return Array.from({ length: data.length / wordsOfName }, (_, row) =>
    data.subarray(row * wordsOfName, (row + 1) * wordsOfName).join(),
  );
}

/** Which pairs of all ranks show or say the same: [all pairs], as `pairGroups` numbers them. */
export async function groupsOfRanks(ranks: Communicator, { keys, captions, batch }: Batch): Promise<HostArray> {
  if (!isShared(ranks)) return { data: pairGroups(keys, captions), shape: [batch] };
  const [images, texts] = [await gatherNames(ranks, keys), await gatherNames(ranks, captions)];
  return { data: pairGroups(images, texts), shape: [images.length] };
}
