import { crc32 } from "@clip-ts/base";
import type { LeftOut } from "../left-out.ts";
import type { ShardFacts } from "../shards/shard-facts.ts";
import type { Records } from "./index-records.ts";

/** Every index begins with it. */
const magic = "clip-idx";
const format = 1;

/**
 * Bytes in front of an index file, from which its count is read: 0 magic, 8 format, 12 CRC-32 of all from 16 on,
 * 16 samples, 20 bytes of the facts in JSON, 24 bytes of the shard (f64), 32 bytes of the records, 36 CRC-32 of the
 * shard's version; u32 but for one, all little-endian. Then the facts, the records, and where each begins (u32).
 */
export const indexHeadBytes = 40;

/** What the first bytes of an index say. */
export interface IndexHead {
  readonly samples: number;
  /** Bytes of the shard that it was made of. */
  readonly shardBytes: number;
  /** CRC-32 of the shard's version. */
  readonly versionSum: number;
}

/** What lies in a tar: samples in its order. */
export interface TarIndex extends Records {
  readonly samples: number;
  readonly facts: ShardFacts;
  /** What of the tar is in no sample. */
  readonly leftOut: readonly LeftOut[];
}

const utf8 = new TextEncoder();
const ascii = new TextDecoder("latin1");
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** CRC-32 of a shard's version, as heads have it. */
export function versionSum(version: string): number {
  return crc32(utf8.encode(version));
}

/** The bytes of an index file. */
export function writeTarIndex(index: TarIndex): Uint8Array {
  const { samples, facts, leftOut, starts, records, endings } = index;
  const json = utf8.encode(JSON.stringify({ version: facts.version, endings, leftOut }));
  const bytes = new Uint8Array(indexHeadBytes + json.byteLength + records.byteLength + starts.byteLength);
  const view = viewOf(bytes);
  bytes.set(utf8.encode(magic));
  view.setUint32(8, format, true);
  view.setUint32(16, samples, true);
  view.setUint32(20, json.byteLength, true);
  view.setFloat64(24, facts.bytes, true);
  view.setUint32(32, records.byteLength, true);
  view.setUint32(36, versionSum(facts.version), true);
  bytes.set(json, indexHeadBytes);
  bytes.set(records, indexHeadBytes + json.byteLength);
  bytes.set(starts, indexHeadBytes + json.byteLength + records.byteLength);
  view.setUint32(12, crc32(bytes.subarray(16)), true);
  return bytes;
}

/** What the first `indexHeadBytes` of an index say; undefined if it is none that this version reads. */
export function readIndexHead(bytes: Uint8Array): IndexHead | undefined {
  if (bytes.byteLength < indexHeadBytes || ascii.decode(bytes.subarray(0, 8)) !== magic) return undefined;
  const view = viewOf(bytes);
  if (view.getUint32(8, true) !== format) return undefined;
  const head = { samples: view.getUint32(16, true), shardBytes: view.getFloat64(24, true) };
  return { ...head, versionSum: view.getUint32(36, true) };
}

/** The index in a file; undefined if it is damaged, cut, or of another version, so that it is made anew. */
export function readTarIndex(bytes: Uint8Array): TarIndex | undefined {
  const head = readIndexHead(bytes);
  const view = viewOf(bytes);
  if (head === undefined || view.getUint32(12, true) !== crc32(bytes.subarray(16))) return undefined;
  const recordsStart = indexHeadBytes + view.getUint32(20, true);
  const startsStart = recordsStart + view.getUint32(32, true);
  if (startsStart + 4 * head.samples !== bytes.byteLength) return undefined;
  // the checksum fits, so this is what was written
  const { version, endings, leftOut } = JSON.parse(
    new TextDecoder().decode(bytes.subarray(indexHeadBytes, recordsStart)),
  ) as Pick<TarIndex, "endings" | "leftOut"> & { readonly version: string };
  return {
    samples: head.samples,
    facts: { bytes: head.shardBytes, version },
    leftOut,
    endings,
    records: bytes.subarray(recordsStart, startsStart),
    starts: bytes.subarray(startsStart),
  };
}
