import { availableParallelism } from "node:os";
import { ClipError, shownSize } from "@clip-ts/base";
import { joinLeftOut, sequentialShards, type Shard, type ShardSet } from "@clip-ts/data";
import { inputSize } from "@clip-ts/image";
import { createDecodePool, hashModel, type WorkPart } from "@clip-ts/node";
import type { Arguments } from "../../cli/command.ts";
import { watchInterruption, type Interruption } from "../../cli/interruption.ts";
import { maxSkippedOf } from "../../cli/options.ts";
import { note } from "../../cli/output.ts";
import { partOf } from "../../cli/parts.ts";
import { settlePart } from "../../cli/settle-part.ts";
import { weightsDtypeOf } from "../../cli/start-engine.ts";
import { countSamples, openShards, type OpenShards } from "../../config/open-shards.ts";
import { noteLeftOut } from "../shared/left-out.ts";
import { openTowers, type OpenTowers } from "../shared/open-model.ts";
import { pictureProgress } from "../shared/progress.ts";
import { embedBatches } from "./batch-features.ts";
import { claimPart } from "./claim-part.ts";
import { claimFolder, type EmbeddingDescription } from "./description.ts";
import type { ShardsRequest } from "./request.ts";
import { readRecord, shardPaths, writeShard, type ShardWriter } from "./shard-files.ts";
import { countLeftOut, type LeftOutCount } from "./left-out-count.ts";

/** Batches that are read and decoded while one is embedded. */
const prefetch = 2;

const shardsIn = ({ groups }: ShardSet): Shard[] => groups.flatMap(({ shards }) => shards);

const sumSamples = (shards: readonly Shard[]): number => shards.reduce((sum, { samples }) => sum + samples, 0);

async function describe(
  args: Arguments,
  request: ShardsRequest,
  set: OpenShards,
  { description, engine }: OpenTowers,
): Promise<EmbeddingDescription> {
  const [name = ""] = args.positionals;
  const shards = shardsIn(set);
  const { what, batch, maxTokens, caption, reading } = request;
  const { image, separator, quoting } = reading;
  const { config, preprocess } = description;
  const size = inputSize(preprocess);
  return {
    format: 1,
    model: { name, sha256: await hashModel(name, { dtype: weightsDtypeOf(args) }) },
    dim: config.projectionDim,
    what,
    data: { label: set.label, fingerprint: set.contents, samples: countSamples(set) },
    settings: {
      batch,
      ...(maxTokens !== undefined && { "max-tokens": maxTokens }),
      exif: args.flag("exif"),
      "image-size": typeof size === "number" ? size : shownSize(size),
      engine: engine.name,
      precision: args.text("precision") ?? "f32",
      ...(engine.dtype !== undefined && { dtype: engine.dtype }),
      ...(caption !== undefined && { caption }),
      ...(image !== undefined && { image: image.join(",") }),
      ...(separator !== undefined && { separator }),
      ...(quoting !== undefined && { quoting }),
    },
    shards: shards.map(({ name: shard, samples }) => [shard, samples]),
  };
}

/** What a run has to do, and what was done before. */
interface Work {
  readonly request: ShardsRequest;
  /** Not finished yet. */
  readonly shards: readonly Shard[];
  readonly total: number;
  readonly leftOut: LeftOutCount;
  readonly set: OpenShards;
}

/** Sorts out what is finished. */
async function planWork(
  args: Arguments,
  { request, part }: { readonly request: ShardsRequest; readonly part: WorkPart },
  set: OpenShards,
): Promise<Work> {
  const own = partOf(shardsIn(set), part);
  const total = sumSamples(own);
  const leftOut = countLeftOut("embed", total, maxSkippedOf(args));
  const shards: Shard[] = [];
  for (const shard of own) {
    const record = await readRecord(shardPaths(request.output, shard.name));
    if (record === undefined) shards.push(shard);
    else leftOut.addFinished(record);
  }
  const finished = own.length - shards.length;
  if (finished > 0)
    note(`${request.output}: ${finished} of ${own.length} shards are finished, going on with the others`);
  leftOut.check();
  return { request, shards, total, leftOut, set };
}

function makePool({ description }: OpenTowers, { what, caption }: ShardsRequest, args: Arguments) {
  const { preprocess, tokenizer } = description;
  return createDecodePool({
    preprocess,
    tokenizer: what === "image" ? undefined : tokenizer,
    ...(caption !== undefined && { captions: { [caption]: 1 } }),
    mode: "exact",
    seed: 0,
    honourExif: args.flag("exif"),
    threads: Math.max(1, availableParallelism() - 1),
    slots: prefetch + 2,
  });
}

type Pool = Awaited<ReturnType<typeof makePool>>;

function stopped({ output }: ShardsRequest): ClipError {
  return new ClipError(
    "interrupted",
    `Stopped. Finished shards are in ${output}; the same command goes on with the others.`,
  );
}

function unopened(failed: readonly string[]): ClipError {
  const [first = ""] = failed;
  return new ClipError(
    "bad-data",
    `${failed.length} shards could not be opened, the first: ${first}. The others are done; the same command tries them again.`,
    { data: { failed: failed.slice(0, 100) } },
  );
}

/** Embeds shard after shard; what is unfinished when it ends is given up. */
async function embedAll(work: Work, towers: OpenTowers, workers: Pool, interruption: Interruption): Promise<void> {
  const { request, shards, total, leftOut, set } = work;
  const { what, batch: batchSize, output } = request;
  const embed = embedBatches(towers, request);
  const progress = pictureProgress({ label: "embed", total, done: total - sumSamples(shards) });
  const failed: string[] = [];
  let writer: ShardWriter | undefined;
  try {
    for await (const batch of sequentialShards({ shards, workers, batchSize, reads: what, prefetch })) {
      if (interruption.requested()) throw stopped(request);
      const { name, samples } = batch.shard;
      if ("reason" in batch) {
        note(`${name} cannot be opened: ${batch.reason}`);
        failed.push(`${name}: ${batch.reason}`);
        continue;
      }
      writer ??= await writeShard(shardPaths(output, name), what, towers.description.config.projectionDim);
      await writer.append(await embed(batch));
      leftOut.add(batch);
      progress.add(batch.samples);
      if (batch.isLast) {
        await writer.finish({ samples, leftOut: leftOut.takeShard(), beside: set.leftOutOf(name) });
        writer = undefined;
      }
    }
  } finally {
    await writer?.discard();
    progress.finish();
  }
  if (failed.length > 0) throw unopened(failed);
}

async function embedSet(args: Arguments, work: Work, towers: OpenTowers): Promise<void> {
  const { request, leftOut, set } = work;
  const interruption = watchInterruption("Stopping after this batch");
  try {
    const pool = await makePool(towers, request, args);
    try {
      await embedAll(work, towers, pool, interruption);
    } finally {
      await pool.close();
    }
  } finally {
    interruption.release();
  }
  leftOut.checkEnd();
  note(`wrote [${leftOut.rows}, ${towers.description.config.projectionDim}] in shards to ${request.output}`);
  noteLeftOut(joinLeftOut([leftOut.list(), set.leftOut()]));
}

/** Embeds the shards that words name, each into files of its own; goes on where an earlier run ended. */
export async function embedShards(args: Arguments, request: ShardsRequest): Promise<void> {
  const { reading, places, words, caption, output } = request;
  const part = await settlePart(request.part);
  const captions = caption === undefined ? undefined : { [caption]: 1 };
  const set = await openShards({ ...reading, path: words, captions }, places);
  try {
    const towers = await openTowers(args, { readsTexts: request.what !== "image" });
    try {
      await claimFolder(output, await describe(args, request, set, towers));
      await claimPart(output, part, async () => embedSet(args, await planWork(args, { request, part }, set), towers));
    } finally {
      towers.embedder.dispose();
    }
  } finally {
    await set.close();
  }
}
