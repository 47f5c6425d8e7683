import type { Communicator } from "@clip-ts/distributed";
import {
  retrieval,
  zeroShot,
  type CaptionedImage,
  type RetrievalOptions,
  type RetrievalResult,
  type ZeroShotResult,
} from "@clip-ts/evaluation";
import type { Clip, ImageJob, SkippedJob } from "@clip-ts/model";
import { isShared } from "./agreement.ts";
import { shareClip, type EmbeddedPlace } from "./shared-clip.ts";

type Model = Pick<Clip<Float32Array>, "config" | "embedImages" | "embedTexts">;

type OnSkip = (skipped: readonly SkippedJob[]) => void;

/** What is retrieved. */
export interface SharedRetrieval extends Pick<RetrievalOptions, "captions" | "onProgress"> {
  readonly pairs: readonly CaptionedImage<Float32Array>[];
  readonly onSkip: OnSkip;
}

/** `retrieval`, each rank embedding its part: the same result on all of them as of one process. */
export async function retrievalOfRanks(
  ranks: Communicator,
  clip: Model,
  { pairs, ...options }: SharedRetrieval,
): Promise<RetrievalResult> {
  if (!isShared(ranks)) return retrieval(clip, pairs, options);
  const { jobs, ...shared } = await shareClip(ranks, clip, pairs);
  const embedded = pairs.map((pair, place) => ({
    ...(jobs[place] as ImageJob<EmbeddedPlace>),
    captions: pair.captions,
  }));
  return retrieval(shared, embedded, options);
}

/** What is told apart. */
export interface SharedZeroShot extends Pick<RetrievalOptions, "onProgress"> {
  readonly classes: readonly { readonly name: string; readonly images: readonly ImageJob<Float32Array>[] }[];
  readonly templates: readonly string[];
  readonly onSkip: OnSkip;
}

/** `zeroShot`, likewise. */
export async function zeroShotOfRanks(
  ranks: Communicator,
  clip: Model,
  { classes, templates, ...options }: SharedZeroShot,
): Promise<ZeroShotResult> {
  if (!isShared(ranks)) return zeroShot(clip, classes, templates, options);
  const all = classes.flatMap(({ images }) => images);
  const { jobs, ...shared } = await shareClip(ranks, clip, all);
  let start = 0;
  const embedded = classes.map(({ name, images }) => {
    const own = jobs.slice(start, start + images.length);
    start += images.length;
    return { name, images: own };
  });
  return zeroShot(shared, embedded, templates, options);
}
