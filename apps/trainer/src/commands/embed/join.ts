import { createReadStream } from "node:fs";
import { ClipError } from "@clip-ts/base";
import { npyHead, openNpy } from "@clip-ts/node";
import { note } from "../../cli/output.ts";
import { writeOutput } from "../shared/output-files.ts";
import { readEmbedding, type EmbeddingDescription } from "./description.ts";
import type { JoinRequest } from "./request.ts";
import { readRecord, shardPaths, type ShardPaths } from "./shard-files.ts";

interface FinishedShard extends ShardPaths {
  readonly rows: number;
  readonly leftOut: number;
}

const named = 10;

/** All shards in the set's order. @throws ClipError "not-found" that names those which are missing. */
async function finishedShards(folder: string, { shards }: EmbeddingDescription): Promise<FinishedShard[]> {
  const found: FinishedShard[] = [];
  const missing: string[] = [];
  for (const [name] of shards) {
    const paths = shardPaths(folder, name);
    const record = await readRecord(paths);
    if (record === undefined) missing.push(name);
    else found.push({ ...paths, rows: record.rows, leftOut: record.leftOut.length });
  }
  if (missing.length === 0) return found;
  const more = missing.length > named ? ` and ${missing.length - named} more` : "";
  throw new ClipError(
    "not-found",
    `${folder}: ${missing.length} of ${shards.length} shards are missing: ${missing.slice(0, named).join(", ")}${more}. ` +
      "Run embed again with the same words, or the parts that did not end.",
    { data: { folder, missing: missing.slice(0, 1000) } },
  );
}

function damaged(path: string, expected: string): ClipError {
  const message = `${path} is damaged, expected ${expected}: remove it and its .left-out.json, and run embed again.`;
  return new ClipError("bad-data", message, { data: { path } });
}

/** Head, then the rows of all files as they lie. */
async function* joinedRows(shards: readonly FinishedShard[], side: "image" | "text", dim: number) {
  const total = shards.reduce((sum, { rows }) => sum + rows, 0);
  yield npyHead(total, dim);
  for (const { rows, [side]: path } of shards) {
    const file = await openNpy(path);
    try {
      if (file.rows !== rows || file.dim !== dim) throw damaged(path, `[${rows}, ${dim}]`);
      yield* file.chunks();
    } finally {
      await file.close();
    }
  }
}

const lineFeed = 10;

async function* joinedKeys(shards: readonly FinishedShard[]): AsyncGenerator<Uint8Array> {
  for (const { keys, rows } of shards) {
    let lines = 0;
    for await (const chunk of createReadStream(keys) as AsyncIterable<Uint8Array>) {
      for (const byte of chunk) if (byte === lineFeed) lines++;
      yield chunk;
    }
    if (lines !== rows) throw damaged(keys, `${rows} lines`);
  }
}

/**
 * Makes one NumPy file, and one list of keys, of all shards' files in a folder, without holding them in memory.
 * Features of captions go to `OUT.text.npy`.
 * @throws ClipError that names the shards which are missing, or a file that is damaged.
 */
export async function joinEmbedding({ folder, output }: JoinRequest): Promise<void> {
  const description = await readEmbedding(folder);
  const { what, dim } = description;
  const shards = await finishedShards(folder, description);
  const total = shards.reduce((sum, { rows }) => sum + rows, 0);
  const base = output.replace(/\.npy$/, "");
  if (what !== "text") await writeOutput(output, joinedRows(shards, "image", dim));
  if (what !== "image") await writeOutput(`${base}.text.npy`, joinedRows(shards, "text", dim));
  await writeOutput(`${base}.keys.jsonl`, joinedKeys(shards));
  const leftOut = shards.reduce((sum, shard) => sum + shard.leftOut, 0);
  const without = leftOut === 0 ? "" : `; ${leftOut} samples were left out, see the .left-out.json files`;
  note(
    `joined [${total}, ${dim}] of ${shards.length} shards to ${what === "text" ? `${base}.text.npy` : output}${without}`,
  );
}
