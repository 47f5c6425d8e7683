import { randomStream } from "@clip-ts/base";
import {
  chooseCaption,
  createHashes,
  differenceHash,
  findEqual,
  findNear,
  readTexts,
  walkSamples,
  type BytesPlace,
  type CaptionChoice,
  type Hashes,
  type Sample,
  type SamplePlace,
  type ShardSet,
} from "@clip-ts/data";
import { decodeImage } from "../decode-image.ts";
import { createRangeReader } from "../decode-pool/read-range.ts";
import { usualConcurrency } from "./concurrency.ts";
import { shortHash } from "./counts.ts";
import { createReasons, type BrokenReason } from "./reasons.ts";

/** What is wrong with a sample, or is as in an earlier one; bits of `marks`. */
export const sampleMarks = { broken: 1, equal: 2, near: 4, equalCaption: 8, withoutCaption: 16 } as const;

/** What is checked. */
export interface CheckOptions {
  /** Names of the texts that are captions; the first usual one by default. */
  readonly captions?: CaptionChoice | undefined;
  /** Images in the making at a time; twice libuv's threads (UV_THREADPOOL_SIZE) by default. */
  readonly concurrency?: number;
  readonly onSample?: (done: number) => void;
}

/** What a check found. */
export interface CheckResult {
  readonly samples: number;
  /** Samples with an image or texts that cannot be read. */
  readonly broken: number;
  readonly reasons: readonly BrokenReason[];
  readonly withoutCaption: number;
  /** Images with the bytes of an earlier one. */
  readonly equalImages: number;
  /** Other images that look like an earlier one. */
  readonly nearImages: number;
  /** Captions that an earlier sample has. */
  readonly equalCaptions: number;
  /** Bits of `sampleMarks` for each position. */
  readonly marks: Uint8Array;
}

/** What is kept of a sample. */
interface Looked {
  readonly place: SamplePlace;
  readonly key: string;
  readonly reason?: string;
  readonly bytes?: bigint;
  readonly picture?: bigint;
  readonly caption?: bigint;
}

function createLook(captions: CaptionChoice | undefined) {
  const reader = createRangeReader();
  const read = async (place: BytesPlace): Promise<Uint8Array> => ("bytes" in place ? place.bytes : reader.read(place));
  const look = async ({ key, image, texts }: Sample, place: SamplePlace): Promise<Looked> => {
    try {
      if ("reason" in image) return { place, key, reason: image.reason };
      const caption = chooseCaption(await readTexts(texts, read), captions, randomStream(0));
      const said = caption === undefined ? {} : { caption: shortHash(caption.trim()) };
      const bytes = await read(image);
      const picture = differenceHash(await decodeImage(bytes, key));
      return { place, key, ...said, bytes: shortHash(bytes), picture };
    } catch (error) {
      return { place, key, reason: error instanceof Error ? error.message : String(error) };
    }
  };
  return { look, close: reader.close };
}

/** Marks what is like an earlier one, unless it has one of the marks `but`; how many there are. */
function markFound(marks: Uint8Array, earlier: Uint32Array, mark: number, but = 0): number {
  let found = 0;
  for (let at = 0; at < earlier.length; at++) {
    const before = marks[at] ?? 0;
    if (earlier[at] === 0 || (before & but) !== 0) continue;
    marks[at] = before | mark;
    found++;
  }
  return found;
}

interface Found {
  readonly marks: Uint8Array;
  readonly bytes: Hashes;
  readonly pictures: Hashes;
  readonly captions: Hashes;
}

function note({ marks, bytes, pictures, captions }: Found, looked: Looked): void {
  const { position } = looked.place;
  const { broken, withoutCaption } = sampleMarks;
  const isSilent = looked.caption === undefined && looked.reason === undefined;
  marks[position] = (looked.reason === undefined ? 0 : broken) | (isSilent ? withoutCaption : 0);
  bytes[position] = looked.bytes ?? 0n;
  pictures[position] = looked.picture ?? 0n;
  captions[position] = looked.caption ?? 0n;
}

/**
 * Decodes every image of a set and reads every caption: what is broken, and what comes twice. Equal images have the same
 * bytes (SHA-256, 64 bits of it); near ones have a `differenceHash` that differs in at most 3 bits, which is a guess:
 * plain areas and drawings on white are often near each other. Keeps 25 bytes a sample, and takes some 60 at the end.
 */
export async function checkSet(set: ShardSet, options: CheckOptions = {}): Promise<CheckResult> {
  const { captions: choice, onSample } = options;
  const samples = set.groups.flatMap(({ shards }) => shards).reduce((sum, shard) => sum + shard.samples, 0);
  const [bytes, pictures, captions] = [createHashes(samples), createHashes(samples), createHashes(samples)];
  const found: Found = { marks: new Uint8Array(samples), bytes, pictures, captions };
  const reasons = createReasons();
  const { look, close } = createLook(choice);
  let [done, broken, withoutCaption] = [0, 0, 0];
  try {
    for await (const looked of walkSamples(set, look, { concurrency: options.concurrency ?? usualConcurrency() })) {
      note(found, looked);
      const { reason, key, place } = looked;
      if (reason !== undefined) {
        broken++;
        reasons.add(reason, { shard: place.shard.name, key });
      } else if (looked.caption === undefined) withoutCaption++;
      done++;
      onSample?.(done);
    }
  } finally {
    close();
  }
  const { marks } = found;
  return {
    samples,
    broken,
    reasons: reasons.list(),
    withoutCaption,
    equalImages: markFound(marks, findEqual(bytes), sampleMarks.equal),
    nearImages: markFound(marks, findNear(pictures), sampleMarks.near, sampleMarks.equal),
    equalCaptions: markFound(marks, findEqual(captions), sampleMarks.equalCaption),
    marks,
  };
}

/** Keys of the samples that have one of these marks, in the order of the set. Shards are opened again for them. */
export function markedKeys(
  set: ShardSet,
  marks: Uint8Array,
  wanted: number,
): AsyncGenerator<{ readonly key: string; readonly marks: number }, void, undefined> {
  function* positions(): Generator<number> {
    for (let at = 0; at < marks.length; at++) if (((marks[at] ?? 0) & wanted) !== 0) yield at;
  }
  const keyOf = async ({ key }: Sample, { position }: SamplePlace) => ({ key, marks: marks[position] ?? 0 });
  return walkSamples(set, keyOf, { positions: positions() });
}
