import { ClipError } from "@clip-ts/base";
import type { Pixels } from "@clip-ts/image";
import { joinLeftOut, type LeftOut } from "./left-out.ts";

/** One image and everything that is said about it. */
export interface PairRecord {
  /** Stable name, unique in its source: the image's path, `1F600:google`. */
  readonly key: string;
  /** At least one; an epoch draws one of them. */
  readonly captions: readonly string[];
  /** What the image shows, where the source knows it: equal for two drawings of one thing. */
  readonly concept?: string;
  /** A wider heading, such as `animals-nature`. */
  readonly group?: string;
  /** Where the image lies, when it is a file. */
  readonly path?: string;
  /** Reads and decodes the image; rejects when it cannot be read. */
  loadImage(): Promise<Pixels>;
}

/** Pairs that are listed up front and decoded when needed. */
export interface PairSource {
  /** Names the source in messages. */
  readonly label: string;
  readonly records: readonly PairRecord[];
  /** What was found and is no record, counted by reason; nothing by default. */
  readonly leftOut?: readonly LeftOut[];
}

/** A record and the caption it goes by in one epoch. */
export interface OrderedPair {
  readonly record: PairRecord;
  readonly caption: string;
}

/** A source of these records; an empty one, or two records of one key, is an error. */
export function pairSource(label: string, records: readonly PairRecord[]): PairSource {
  if (records.length === 0) {
    throw new ClipError("bad-data", `${label}: expected at least one image-text pair, found none`);
  }
  const seen = new Set<string>();
  for (const { key, captions } of records) {
    if (seen.has(key)) {
      throw new ClipError("bad-data", `${label}: two records have the key "${key}"; keys are unique`);
    }
    if (captions.length === 0) {
      throw new ClipError("bad-data", `${label}: the record "${key}" has no caption`);
    }
    seen.add(key);
  }
  return { label, records };
}

/** Several sources as one; keys become `label/key`, so that equal file names do not collide. */
export function joinSources(sources: readonly PairSource[]): PairSource {
  const [only] = sources;
  if (only !== undefined && sources.length === 1) return only;
  const records = sources.flatMap(({ label, records }) =>
    records.map((record): PairRecord => ({
      ...record,
      key: `${label}/${record.key}`,
      loadImage: () => record.loadImage(),
    })),
  );
  const label = sources.map((source) => source.label).join(" + ");
  const leftOut = joinLeftOut(sources.map((source) => source.leftOut ?? []));
  return { ...pairSource(label, records), leftOut };
}
