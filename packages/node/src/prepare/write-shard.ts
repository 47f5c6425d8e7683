import { stat } from "node:fs/promises";
import { join } from "node:path";
import { createTally, walkSamples, type Sample, type SamplePlace, type ShardOpener } from "@clip-ts/data";
import { writeFileWhole, writeJson } from "@clip-ts/files";
import { localStore } from "../shards/local-store.ts";
import { writeTar, type TarSampleFiles } from "../shards/write-tar.ts";
import { indexOf } from "../shards/tar-indexes.ts";
import { usualConcurrency } from "../survey/concurrency.ts";
import { captionTable, type CaptionRow } from "./caption-table.ts";
import type { BrokenSample, MadeSample, SampleMaker } from "./make-sample.ts";
import { createKeys, ownKey } from "./own-key.ts";
import type { PrepareOptions, ShardReport } from "./prepare-options.ts";

/** A sample that is ready to be written. */
interface ReadySample extends TarSampleFiles {
  readonly row: CaptionRow;
  readonly bytes: number;
}

/** What the shards of a run share. */
export interface ShardTools {
  readonly options: PrepareOptions;
  readonly maker: SampleMaker;
  readonly opener: ShardOpener;
}

/** A shard to be made: its name, and where its samples begin and end. */
export interface ShardTask {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** A list of numbers, one after another. */
function* from(start: number, end: number): Generator<number> {
  for (let at = start; at < end; at++) yield at;
}

/** Counts what became of samples. */
function createCounts() {
  return { tally: createTally(), skipped: 0, renamed: 0, withoutCaption: 0 };
}

function bytesIn({ image, files }: MadeSample): number {
  const sizes = Object.values(files).map((file) => (typeof file === "string" ? Buffer.byteLength(file) : file.length));
  return sizes.reduce((sum, size) => sum + size, image.bytes.byteLength);
}

type Looked = { readonly key: string; readonly own: string; readonly made: MadeSample | BrokenSample | "skipped" };

/** The samples of a shard that can be read, in their order. */
async function* readySamples(
  { start, end }: ShardTask,
  { options, maker, opener }: ShardTools,
  counts: ReturnType<typeof createCounts>,
): AsyncGenerator<ReadySample> {
  const { set, skip, keepsWholeKeys = false, concurrency = usualConcurrency() } = options;
  const unique = createKeys();
  const look = async (sample: Sample, { shard }: SamplePlace): Promise<Looked> => {
    const { key } = sample;
    const made = skip?.has(key) === true ? "skipped" : await maker.make(sample);
    return { key, own: keepsWholeKeys ? key : ownKey(key, shard.name), made };
  };
  for await (const { key: name, own, made } of walkSamples(set, look, {
    positions: from(start, end),
    concurrency,
    opener,
  })) {
    if (made === "skipped") {
      counts.skipped++;
      continue;
    }
    if ("reason" in made) {
      counts.tally.add("unreadable-image", name, made.reason);
      continue;
    }
    const { key, isRenamed } = unique(own);
    if (isRenamed) counts.renamed++;
    if (made.caption === undefined) counts.withoutCaption++;
    const { image, files, texts, caption = null } = made;
    const row = { key, width: image.width, height: image.height, caption, texts };
    yield { key, files: { [image.ending]: image.bytes, ...files }, row, bytes: bytesIn(made) };
  }
}

/** Writes one tar with what belongs beside it, of as many samples as fit. @returns what is left, and what was written. */
async function writeOne(
  base: string,
  first: ReadySample,
  samples: AsyncGenerator<ReadySample>,
  limit: number,
): Promise<{ readonly rest: ReadySample | undefined; readonly rows: number }> {
  const rows: CaptionRow[] = [];
  let rest: ReadySample | undefined;
  async function* taken(): AsyncGenerator<TarSampleFiles> {
    let bytes = 0;
    for (let next: ReadySample | undefined = first; next !== undefined;) {
      rows.push(next.row);
      bytes += next.bytes;
      yield next;
      const { value, done } = await samples.next();
      next = done === true ? undefined : value;
      if (next === undefined || bytes + next.bytes <= limit) continue;
      rest = next;
      return;
    }
  }
  await writeFileWhole(`${base}.tar`, writeTar(taken()));
  await writeFileWhole(`${base}.parquet`, [await captionTable(rows)]);
  await indexOf(`${base}.tar`, await localStore.hold(`${base}.tar`), { store: localStore });
  return { rest, rows: rows.length };
}

/**
 * Makes a shard: its tar (or tars, where bytes are limited), indexes and tables, and last the report that says that it
 * is whole.
 */
export async function writeShard(task: ShardTask, tools: ShardTools): Promise<ShardReport> {
  const { out, bytes: limit = Infinity } = tools.options;
  const counts = createCounts();
  const samples = readySamples(task, tools, counts);
  const written: { readonly base: string; readonly rows: number; readonly bytes: number }[] = [];
  const begin = await samples.next();
  let next = begin.done === true ? undefined : begin.value;
  while (next !== undefined) {
    const base = join(out, written.length === 0 ? task.name : `${task.name}-${written.length}`);
    const { rest, rows } = await writeOne(base, next, samples, limit);
    written.push({ base, rows, bytes: (await stat(`${base}.tar`)).size });
    next = rest;
  }
  const [first, ...more] = written;
  for (const { base, rows } of more) await writeJson(`${base}_stats.json`, { successes: rows });
  const report: ShardReport = {
    count: task.end - task.start,
    successes: first?.rows ?? 0,
    samples: written.reduce((sum, { rows }) => sum + rows, 0),
    tars: written.length,
    bytes: written.reduce((sum, { bytes }) => sum + bytes, 0),
    skipped: counts.skipped,
    renamed: counts.renamed,
    withoutCaption: counts.withoutCaption,
    leftOut: counts.tally.list(),
  };
  await writeJson(`${join(out, task.name)}_stats.json`, report);
  return report;
}
