import { createHash } from "node:crypto";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { ClipError } from "@clip-ts/base";
import { createShardOpener, type ShardSet } from "@clip-ts/data";
import { readJson, writeJson } from "@clip-ts/files";
import { localStore } from "../shards/local-store.ts";
import { createSampleMaker } from "./make-sample.ts";
import type { PreparedShard, PrepareOptions, ShardReport } from "./prepare-options.ts";
import { writeShard, type ShardTask } from "./write-shard.ts";

const usualSamples = 10_000;

/** All that decides what is written; its file in the folder keeps two preparations from mixing. */
const settingsFile = "prepare.json";

function settingsOf({ set, samples = usualSamples, bytes, size, format, captions, skip }: PrepareOptions): object {
  const skipped =
    skip &&
    createHash("sha256")
      .update([...skip].toSorted().join("\n"))
      .digest("hex");
  return { of: set.label, fingerprint: set.fingerprint, samples, bytes, size, format, captions, skipped };
}

/** @throws ClipError "bad-argument" if the folder holds shards that were made of something else, or otherwise. */
async function checkFolder(options: PrepareOptions): Promise<void> {
  const { out } = options;
  const path = join(out, settingsFile);
  const wanted = JSON.parse(JSON.stringify(settingsOf(options))) as Record<string, unknown>;
  await mkdir(out, { recursive: true });
  if ((await localStore.facts(path)) === undefined) return writeJson(path, wanted);
  const found = (await readJson(path)) as Record<string, unknown>;
  const names = [...new Set([...Object.keys(wanted), ...Object.keys(found)])];
  const other = names.filter((name) => JSON.stringify(wanted[name]) !== JSON.stringify(found[name]));
  if (other.length === 0) return;
  const differ = other.map((name) => `${name} ${JSON.stringify(found[name])}, now ${JSON.stringify(wanted[name])}`);
  throw new ClipError(
    "bad-argument",
    `${out} holds shards that were prepared otherwise (${differ.join("; ")}): name another folder, or remove it`,
    { data: { out, other } },
  );
}

const totalOf = ({ groups }: ShardSet): number =>
  groups.flatMap(({ shards }) => shards).reduce((sum, { samples }) => sum + samples, 0);

/** The shards of this part: the first of n has the first n-th of them. */
function tasksOf({ set, samples = usualSamples, part = { number: 1, of: 1 } }: PrepareOptions): ShardTask[] {
  const total = totalOf(set);
  const count = Math.ceil(total / samples);
  const digits = Math.max(5, String(count - 1).length);
  const tasks: ShardTask[] = [];
  const first = Math.floor((count * (part.number - 1)) / part.of);
  const end = Math.floor((count * part.number) / part.of);
  for (let shard = first; shard < end; shard++) {
    const start = shard * samples;
    tasks.push({ name: String(shard).padStart(digits, "0"), start, end: Math.min(total, start + samples) });
  }
  return tasks;
}

async function reportOf(out: string, { name }: ShardTask): Promise<ShardReport | undefined> {
  const path = join(out, `${name}_stats.json`);
  return (await localStore.facts(path)) === undefined ? undefined : ((await readJson(path)) as ShardReport);
}

/** Counts of all tars that are whole, other parts' too, as webdataset and open_clip read them. */
async function writeSizes(out: string): Promise<void> {
  const names = (await readdir(out)).filter((name) => name.endsWith("_stats.json")).toSorted();
  const sizes: [string, number][] = [];
  for (const name of names) {
    const { successes } = (await readJson(join(out, name))) as ShardReport;
    if (successes > 0) sizes.push([name.replace(/_stats\.json$/, ".tar"), successes]);
  }
  await writeJson(join(out, "sizes.json"), Object.fromEntries(sizes));
}

function checkCount(name: string, value: number | undefined): void {
  if (value === undefined || (Number.isSafeInteger(value) && value >= 1)) return;
  throw new ClipError("bad-argument", `${name} must be a whole number from 1, got ${value}`, { data: { name, value } });
}

/**
 * Writes a set as WebDataset tars, each with an index, counts (`_stats.json`) and a Parquet file of captions and sizes
 * beside it. Shard k holds the samples of positions k * samples and following: so the parts of any division, and a run
 * that was killed and begun again, write the same tars. Shards that are whole are kept. Memory does not grow with the
 * set: one shard's captions are held, and the images that are in the making.
 * @throws ClipError "bad-argument" for options out of range and a folder that holds something else, "not-written".
 */
export async function prepareShards(options: PrepareOptions): Promise<readonly PreparedShard[]> {
  const { out, samples, bytes, size, part, captions, onShard } = options;
  for (const [name, value] of Object.entries({
    samples,
    bytes,
    size,
    "part's number": part?.number,
    parts: part?.of,
  })) {
    checkCount(name, value);
  }
  if (part !== undefined && part.number > part.of) {
    throw new ClipError("bad-argument", `There is no part ${part.number} of ${part.of}`, { data: { part } });
  }
  await checkFolder(options);
  const tasks = tasksOf(options);
  const tools = { options, maker: createSampleMaker(options, captions), opener: createShardOpener() };
  const made: PreparedShard[] = [];
  try {
    for (const task of tasks) {
      const kept = await reportOf(out, task);
      const shard = { ...(kept ?? (await writeShard(task, tools))), name: task.name, wasKept: kept !== undefined };
      made.push(shard);
      onShard?.(shard, made.length, tasks.length);
    }
  } finally {
    tools.maker.close();
    await tools.opener.close();
  }
  await writeSizes(out);
  return made;
}
