import type { ShardPlace, ShardPlan } from "./plan-shards.ts";
import { imageOf, readSamples, type ReadSample, type SampleReading } from "./read-samples.ts";
import type { ImageJob, JobFault, PixelSlot } from "./sample-workers.ts";
import { substitutesFor } from "./substitutes.ts";

/** A batch whose rows, or some of them, are to be decoded. */
export interface SlotFilling {
  readonly reading: SampleReading;
  readonly plan: ShardPlan;
  readonly seed: number;
  readonly distinct: boolean;
  /** All that the batch plans, over all parts. */
  readonly planned: readonly ReadSample[];
  /** Its place in the epoch. */
  readonly batch: number;
  /** First row that is decoded, and one past the last. */
  readonly rows: readonly [number, number];
  /** Tokens of a row: what takes a place should fit. */
  readonly width: number;
  readonly slot: PixelSlot;
  /** Holds other shards until the batch is made, or what it returns is called. */
  hold(places: readonly ShardPlace[]): () => void;
}

/** A row of the slot, and the position that fills it. */
interface Place {
  readonly position: number;
  readonly row: number;
}

/** Substitutes that are looked at before one is taken that does not fit, its caption cut. */
const mostMisfits = 64;

/** Substitutes whose captions are read at a time. */
const candidatesAtATime = 8;

/** Decodes a sample's image into a row of the slot. */
interface DecodeTask {
  readonly sample: ReadSample;
  readonly row: number;
}

/** Of each sample: nothing once its image is in its row, or why it cannot be. */
async function tryDecode(
  tasks: readonly DecodeTask[],
  { reading, slot }: SlotFilling,
): Promise<(JobFault | undefined)[]> {
  const images = await Promise.all(tasks.map(({ sample }) => imageOf(sample, reading)));
  const jobs: ImageJob[] = [];
  for (const [index, image] of images.entries()) {
    if ("reason" in image) continue;
    const { sample, row } = tasks[index]!;
    jobs.push({ image, key: sample.key, random: sample.random, row });
  }
  const replies = jobs.length === 0 ? [] : await reading.workers.images(jobs, slot);
  let at = 0;
  return images.map((image) => ("reason" in image ? image : replies[at++]));
}

/** Decodes into rows of the slot; whether each could be. What could not before is not tried again. */
async function decode(tasks: readonly DecodeTask[], filling: SlotFilling): Promise<boolean[]> {
  const { faults } = filling.reading;
  const tried = tasks.filter(({ sample }) => !faults.has(sample.id));
  const replies = await tryDecode(tried, filling);
  const good = new Set<number>();
  for (const [index, { sample, row }] of tried.entries()) {
    const fault = replies[index];
    if (fault === undefined) good.add(row);
    else faults.add("unreadable-image", { id: sample.id, key: sample.key, reason: fault.reason });
  }
  return tasks.map(({ row }) => good.has(row));
}

/** Candidates and their captions, several read at a time. */
async function* candidatesFor(
  { position, row }: Place,
  filling: SlotFilling,
): AsyncGenerator<ReadSample, void, undefined> {
  const { plan, seed, planned, batch, rows, reading, hold } = filling;
  const { ids, faults } = reading;
  const taken = new Set(planned.map(({ id }) => id));
  const isTaken = (candidate: number): boolean => taken.has(ids.idOf(plan.at(candidate)));
  const lane = { index: rows[0] + row, of: planned.length };
  const positions = substitutesFor({ plan, seed, position, among: ["batch", batch], lane, isTaken });
  for (;;) {
    const several = [...take(positions, candidatesAtATime)];
    if (several.length === 0) return;
    const release = hold(several.map((one) => plan.at(one)));
    const read = await readSamples(several, plan, reading);
    if (read.every((one) => one === undefined)) release();
    for (const sample of read) if (sample !== undefined) yield { ...sample, position };
    faults.check();
  }
}

function* take<Item>(items: Iterator<Item>, count: number): Generator<Item> {
  for (let taken = 0; taken < count; taken++) {
    const next = items.next();
    if (next.done === true) return;
    yield next.value;
  }
}

/**
 * What takes the place of a row whose image cannot be read: the first candidate that can be, that is no wider than the
 * batch and, where captions should be distinct, says something else than its rows; after 64 that are otherwise, the
 * first of those, and its caption is cut. Undefined when nothing is readable.
 */
async function substitute(place: Place, filling: SlotFilling): Promise<ReadSample | undefined> {
  const { row } = place;
  const said = new Set(filling.distinct ? filling.planned.map(({ caption }) => caption) : []);
  const fits = ({ ids, caption }: ReadSample): boolean => ids.length <= filling.width && !said.has(caption);
  const readable = async (sample: ReadSample): Promise<boolean> => (await decode([{ sample, row }], filling))[0]!;
  const misfits: ReadSample[] = [];
  const settle = async (): Promise<ReadSample | undefined> => {
    for (const sample of misfits.splice(0)) if (await readable(sample)) return sample;
    return undefined;
  };
  let isStrict = true;
  for await (const sample of candidatesFor(place, filling)) {
    if (isStrict && !fits(sample)) {
      misfits.push(sample);
      isStrict = misfits.length < mostMisfits;
      const settled = isStrict ? undefined : await settle();
      if (settled !== undefined) return settled;
    } else if (await readable(sample)) return sample;
  }
  return settle();
}

/** The samples of a batch's rows, their pixels in the slot, row by row. @throws ClipError "bad-data" when too few can be used. */
export async function fillSlot(filling: SlotFilling): Promise<ReadSample[]> {
  const { planned, rows, reading } = filling;
  const samples = planned.slice(...rows);
  const good = await decode(
    samples.map((sample, row) => ({ sample, row })),
    filling,
  );
  reading.faults.check();
  // All are waited for, also after a failure: the slot is another batch's as soon as this one is done.
  const filled = await Promise.allSettled(
    samples.map(async (sample, row) => {
      if (good[row] === true) return sample;
      const found = await substitute({ position: sample.position, row }, filling);
      if (found === undefined) throw reading.faults.refusal();
      return found;
    }),
  );
  return filled.map((row) => {
    if (row.status === "rejected") throw row.reason;
    return row.value;
  });
}
