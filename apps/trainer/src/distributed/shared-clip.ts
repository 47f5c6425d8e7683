import type { FeatureRows } from "@clip-ts/core";
import { gatherRows, type Communicator } from "@clip-ts/distributed";
import { embedReadable, type Clip, type ImageJob, type SkippedJob } from "@clip-ts/model";
import { gatherJson } from "./messages.ts";

/** Images or captions that go through a tower together: as many as without other ranks, for the same last bits. */
const together = 32;

/** The place of an image among those that were embedded before, in the place of its pixels. */
export type EmbeddedPlace = number;

type Towers<Image> = Pick<Clip<Image>, "config" | "embedImages" | "embedTexts">;

/** A model whose images are embedded already, by all ranks, and whose captions all ranks embed together. */
export interface SharedClip extends Towers<EmbeddedPlace> {
  /** The images in the place of those that were given, as often as wanted. */
  readonly jobs: readonly ImageJob<EmbeddedPlace>[];
}

/** What of a list is this rank's: every so manieth stretch that goes through a tower together. */
function ownStretches<Item>({ rank, size }: Communicator, items: readonly Item[]): Item[] {
  return items.filter((_, at) => Math.floor(at / together) % size === rank);
}

/** Rows of several ranks, of different numbers, in the order of all items; row i of a rank is its i-th place. */
async function gatherPlaces(
  ranks: Communicator,
  own: Float32Array,
  {
    places,
    dim,
    rows,
  }: { readonly places: readonly (readonly number[])[]; readonly dim: number; readonly rows: number },
): Promise<FeatureRows> {
  const most = Math.max(1, ...places.map(({ length }) => length));
  const padded = new Float32Array(most * dim);
  padded.set(own);
  const { data: all } = await gatherRows(ranks, { data: padded, shape: [most, dim] });
  const values = new Float32Array(rows * dim);
  for (const [rank, ofRank] of places.entries()) {
    for (const [row, place] of ofRank.entries()) {
      const start = (rank * most + row) * dim;
      values.set(all.subarray(start, start + dim), place * dim);
    }
  }
  return { values, rows, dim };
}

/** What a rank says of its images. */
interface OwnImages {
  /** Places of those that it has features of. */
  readonly kept: readonly number[];
  /** The others, with their places. */
  readonly skipped: readonly (SkippedJob & { readonly place: number })[];
}

async function embedOwn<Image>(
  clip: Towers<Image>,
  jobs: readonly ImageJob<Image>[],
  places: readonly number[],
): Promise<OwnImages & { readonly values: Float32Array }> {
  const own = places.map((place) => jobs[place] as ImageJob<Image>);
  // A rank may have none that can be read: that is an error only where all have none.
  const none = { features: { values: new Float32Array() }, kept: [] as readonly number[] };
  const failed: SkippedJob[] = [];
  const onSkip = (skipped: readonly SkippedJob[]): void => void failed.splice(0, failed.length, ...skipped);
  const found = await embedReadable(clip, own, { batchSize: together, onSkip }).catch((error: unknown) => {
    if (failed.length < own.length) throw error;
    return none;
  });
  const kept = found.kept.map((index) => places[index] as number);
  const isKept = new Set(kept);
  const left = places.filter((place) => !isKept.has(place));
  return {
    values: found.features.values,
    kept,
    skipped: failed.map((one, index) => ({ ...one, place: left[index] as number })),
  };
}

/**
 * Embeds images on all ranks, each its part, and gives a model to score them with on every rank: the same features as
 * of one process, bit for bit.
 */
export async function shareClip<Image>(
  ranks: Communicator,
  clip: Towers<Image>,
  jobs: readonly ImageJob<Image>[],
): Promise<SharedClip> {
  const places = ownStretches(
    ranks,
    jobs.map((_, place) => place),
  );
  const { values, ...own } = await embedOwn(clip, jobs, places);
  const told = await gatherJson<OwnImages>(ranks, own);
  const dim = clip.config.projectionDim;
  const kept = told.map((one) => one.kept);
  const all = await gatherPlaces(ranks, values, { places: kept, dim, rows: jobs.length });
  const reasons = new Map(told.flatMap(({ skipped }) => skipped).map(({ place, reason }) => [place, reason]));
  return {
    config: clip.config,
    jobs: jobs.map(({ name }, place) => ({ name, load: () => placeOrReason(place, reasons.get(place)) })),
    embedImages: (wanted) => Promise.resolve(pick(all, wanted)),
    embedTexts: (texts) => embedTexts(ranks, clip, texts),
  };
}

function placeOrReason(place: EmbeddedPlace, reason: string | undefined): Promise<EmbeddedPlace> {
  return reason === undefined ? Promise.resolve(place) : Promise.reject(new Error(reason));
}

function pick({ values, dim }: FeatureRows, places: readonly number[]): FeatureRows {
  const picked = new Float32Array(places.length * dim);
  for (const [row, place] of places.entries()) picked.set(values.subarray(place * dim, (place + 1) * dim), row * dim);
  return { values: picked, rows: places.length, dim };
}

/** Each rank embeds its part of the captions, those that come twice once. */
async function embedTexts(
  ranks: Communicator,
  clip: Pick<Towers<never>, "config" | "embedTexts">,
  texts: readonly string[],
): Promise<FeatureRows> {
  const distinct = [...new Set(texts)];
  const own = ownStretches(ranks, distinct);
  const { values } = own.length === 0 ? { values: new Float32Array() } : await clip.embedTexts(own);
  const all = distinct.map((_, place) => place);
  const places = Array.from({ length: ranks.size }, (_, rank) => ownStretches({ ...ranks, rank }, all));
  const dim = clip.config.projectionDim;
  const rows = await gatherPlaces(ranks, values, { places, dim, rows: distinct.length });
  const placeOf = new Map(distinct.map((text, place) => [text, place]));
  return pick(
    rows,
    texts.map((text) => placeOf.get(text) as number),
  );
}
