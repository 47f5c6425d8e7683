import { createYield } from "@clip-ts/base";
import { cut } from "../arrange-pool.ts";
import { reasonOf } from "../file-access.ts";
import type { PlannedSample, ShardPlan } from "./plan-shards.ts";
import type { SampleFaults } from "./sample-faults.ts";
import type { SampleIds } from "./sample-ids.ts";
import type { CaptionJob, RandomPath, SampleWorkers } from "./sample-workers.ts";
import type { BytesPlace, FileRange, Sample, ShardSet, Unreadable } from "./shard-set.ts";
import type { OpenShards } from "./window.ts";

/** What positions of a set are read with. */
export interface SampleReading {
  readonly source: ShardSet;
  readonly ids: SampleIds;
  readonly faults: SampleFaults;
  readonly shards: OpenShards;
  readonly workers: Pick<SampleWorkers, "captions" | "images">;
}

/** A sample whose caption is known and whose image is yet to be decoded. */
export interface ReadSample {
  /** Its place in the epoch; of a substitute, the one that it fills. */
  readonly position: number;
  /** Its number in the set. */
  readonly id: number;
  readonly key: string;
  readonly planned: PlannedSample;
  /** Where its image lies in a file. Absent where it is in memory, which is not to be kept for pools to come. */
  readonly image: FileRange | undefined;
  readonly caption: string;
  /** Start, text, end. */
  readonly ids: Int32Array;
  /** Where its crop and the like are drawn. */
  readonly random: RandomPath;
}

/** A sample before its caption is read. */
type FoundSample = Pick<ReadSample, "id" | "key" | "planned" | "image"> & Pick<Sample, "texts">;

/** Where something of a sample is drawn: by its key, as for pairs in lists, and by its repeat if it comes again. */
function drawnAt(what: string, epoch: number, { key, planned: { repeat } }: FoundSample): RandomPath {
  return repeat === 0 ? [what, epoch, key] : [what, epoch, key, repeat];
}

/** A planned sample; or, if it cannot be had, what notes why. */
async function findSample(planned: PlannedSample, reading: SampleReading): Promise<FoundSample | (() => void)> {
  const { shards, ids, faults, source } = reading;
  const shard = await shards.get(planned);
  if ("reason" in shard) return () => faults.addShard(planned, shard.reason);
  const id = ids.idOf(planned);
  try {
    const { key, image, texts } = await shard.sample(planned.sample);
    if (!("reason" in image)) return { id, key, planned, image: "path" in image ? image : undefined, texts };
    return () => faults.add("unreadable-image", { id, key, reason: image.reason });
  } catch (error) {
    const { name } = source.groups[planned.group]!.shards[planned.shard]!;
    const key = `${name}, sample ${planned.sample}`;
    return () => faults.add("unreadable-image", { id, key, reason: reasonOf(error) });
  }
}

/** Samples whose captions are asked for at a time. */
const readAtATime = 512;

/** What a position is, or what notes why it is nothing. */
type Outcome = ReadSample | (() => void);

async function readSome(positions: readonly number[], plan: ShardPlan, reading: SampleReading): Promise<Outcome[]> {
  const { faults, workers } = reading;
  const found = await Promise.all(positions.map((position) => findSample(plan.at(position), reading)));
  const there = found.filter((one) => typeof one !== "function");
  const jobs = there.map((one): CaptionJob => {
    const { key, texts } = one;
    return { key, texts, random: drawnAt("caption", plan.epoch, one) };
  });
  const captions = jobs.length === 0 ? [] : await workers.captions(jobs);
  let at = 0;
  return found.map((one, index): Outcome => {
    if (typeof one === "function") return one;
    const read = captions[at++]!;
    const { id, key, planned, image } = one;
    if ("reason" in read) return () => faults.add("no-caption", { id, key, reason: read.reason });
    const { caption, ids } = read;
    const random = drawnAt("augment", plan.epoch, one);
    return { position: positions[index]!, id, key, planned, image, caption, ids, random };
  });
}

/**
 * The samples of positions and their captions. Undefined for one that cannot be used: its shard or its image cannot be
 * had, or it has no caption. Their shards are held. Lets other work of the thread in between.
 */
export async function readSamples(
  positions: readonly number[],
  plan: ShardPlan,
  reading: SampleReading,
): Promise<(ReadSample | undefined)[]> {
  const pause = createYield();
  const parts: Promise<Outcome[]>[] = [];
  for (const some of cut(positions, readAtATime)) {
    const part = readSome(some, plan, reading);
    part.catch(() => undefined); // told below
    parts.push(part);
    await pause();
  }
  const outcomes = (await Promise.all(parts)).flat();
  // Noted in the order of the positions, not of the replies.
  return outcomes.map((outcome) => {
    if (typeof outcome !== "function") return outcome;
    outcome();
    return undefined;
  });
}

/** Where a sample's image lies, or why there is none any more. Its shard is held. */
export async function imageOf(
  { image, planned }: ReadSample,
  { shards }: SampleReading,
): Promise<BytesPlace | Unreadable> {
  if (image !== undefined) return image;
  const shard = await shards.get(planned);
  if ("reason" in shard) return shard;
  try {
    return (await shard.sample(planned.sample)).image;
  } catch (error) {
    return { reason: reasonOf(error) };
  }
}
