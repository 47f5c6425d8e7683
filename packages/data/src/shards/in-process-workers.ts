import { ClipError, randomStream } from "@clip-ts/base";
import {
  augmentBytes,
  inputBytes,
  inputSize,
  isPatches,
  planesOnly,
  preprocessBytes,
  viewBytes,
  type AugmentConfig,
  type Pixels,
  type Preprocessing,
  type RandomViewConfig,
} from "@clip-ts/image";
import type { Tokenizer } from "@clip-ts/tokenizer";
import { chooseCaption, type CaptionChoice } from "../captions/choose.ts";
import { reasonOf, type DecodeImage } from "../file-access.ts";
import { mapConcurrently } from "../image-loader.ts";
import { closedError } from "../prefetch.ts";
import { readTexts, type ReadBytes } from "./read-texts.ts";
import type { CaptionJob, ImageJob, JobFault, PixelSlot, ReadCaption, SampleWorkers } from "./sample-workers.ts";
import { createSlots } from "./slots.ts";

/** Options of inProcessWorkers. */
export interface InProcessWorkersOptions {
  readonly read: ReadBytes;
  readonly decode: DecodeImage;
  readonly preprocess: Preprocessing;
  /** Random crops and the like; without it images are prepared as for evaluation. */
  readonly augment?: AugmentConfig | undefined;
  /** In place of `augment`: crops, turns and colours in one pass. */
  readonly view?: RandomViewConfig | undefined;
  readonly tokenizer: Pick<Tokenizer, "encode">;
  /** Names of the texts that are captions, with chances; the first usual one by default. */
  readonly captions?: CaptionChoice | undefined;
  readonly seed: number;
  /** Batches whose memory may be in use at a time; 3 by default, which two batches ahead need. */
  readonly slots?: number | undefined;
}

/** Samples that are read at a time. */
const readAtATime = 8;

/** How many slots there are. */
function checkOptions({ augment, view, captions, slots = 3 }: InProcessWorkersOptions): number {
  chooseCaption({}, captions, randomStream(0)); // refuses chances that are none
  if (augment !== undefined && view !== undefined) {
    throw new ClipError("bad-config", "augment and view are two ways to change images at random: give one of them");
  }
  if (Number.isInteger(slots) && slots >= 1) return slots;
  throw new ClipError("bad-argument", `slots must be a whole number from 1, got ${slots}`, { data: { slots } });
}

/** The image before normalising, as the options want it, in a row of the slot. */
function prepare(pixels: Pixels, job: ImageJob, options: InProcessWorkersOptions, slot: PixelSlot): void {
  const { preprocess, augment, view, seed } = options;
  const length = inputBytes(preprocess);
  const target = slot.pixels.subarray(job.row * length, (job.row + 1) * length);
  const random = randomStream(seed, ...job.random);
  if (view !== undefined)
    return viewBytes(pixels, { preprocess: planesOnly(preprocess, "view"), view }, random, target);
  if (augment !== undefined)
    return augmentBytes(pixels, { preprocess: planesOnly(preprocess, "augment"), augment }, random, target);
  return preprocessBytes(pixels, preprocess, target);
}

/**
 * Reads, decodes and tokenises where it is called, without threads: for browsers, and what other workers are compared
 * with. Prepared exactly as in Python, but for `view`.
 * @throws ClipError "bad-config" for `augment` together with `view`.
 */
export function inProcessWorkers(options: InProcessWorkersOptions): SampleWorkers {
  const { read, decode, tokenizer, seed, preprocess } = options;
  const slots = createSlots(checkOptions(options), inputBytes(preprocess));
  const working = new Set<Promise<unknown>>();
  let isClosed = false;

  /** Faults are those of jobs; what a job did not do because of `close` is none. */
  const attempt = async <Result>(job: () => Promise<Result>): Promise<Result | JobFault> => {
    if (isClosed) throw closedError();
    try {
      return await job();
    } catch (error) {
      if (isClosed) throw closedError();
      return { reason: reasonOf(error) };
    }
  };
  const all = <Job, Result>(jobs: readonly Job[], work: (job: Job) => Promise<Result>): Promise<Result[]> => {
    const results = mapConcurrently(jobs, readAtATime, work);
    const done: Promise<unknown> = results.catch(() => undefined).finally(() => working.delete(done));
    working.add(done);
    return results;
  };
  const readImage = async (job: ImageJob, slot: PixelSlot): Promise<undefined> => {
    const bytes = await read(job.image);
    prepare(await decode(bytes, job.key), job, options, slot);
  };
  const readCaption = async ({ texts, random }: CaptionJob): Promise<ReadCaption | JobFault> => {
    const caption = chooseCaption(await readTexts(texts, read), options.captions, randomStream(seed, ...random));
    if (caption === undefined) return { reason: "it has no caption, or only empty ones" };
    return { caption, ids: Int32Array.from(tokenizer.encode(caption)) };
  };

  return {
    size: inputSize(preprocess),
    ...(isPatches(preprocess) && { patches: preprocess }),
    acquire: slots.acquire,
    release: slots.release,
    images: (jobs, slot) => all(jobs, (job) => attempt(() => readImage(job, slot))),
    captions: (jobs) => all(jobs, (job) => attempt(() => readCaption(job))),
    async close() {
      isClosed = true;
      slots.close();
      await Promise.all(working);
    },
  };
}
