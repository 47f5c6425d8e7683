import { ClipError } from "@clip-ts/base";
import { readExactly, type ByteSource } from "../byte-source.ts";
import { zipRecords } from "./zip-entry.ts";

/** Where the central directory lies and how many entries it lists. */
export interface DirectoryPlace {
  readonly offset: number;
  readonly length: number;
  readonly count: number;
}

/** A comment at the end of the file is at most this long. */
const longestComment = 0xffff;

const view = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** A 64-bit count as a number; beyond 2^53 it only has to be seen to be too large. */
function count64(record: DataView, offset: number): number {
  return Number(record.getBigUint64(offset, true));
}

function positionOfEnd(tail: Uint8Array): number | undefined {
  const record = view(tail);
  for (let at = tail.byteLength - zipRecords.end.length; at >= 0; at--) {
    if (record.getUint32(at, true) !== zipRecords.end.signature) continue;
    if (at + zipRecords.end.length + record.getUint16(at + 20, true) === tail.byteLength) return at;
  }
  return undefined;
}

/** The directory's place from the 64-bit record that large archives end with. */
async function place64(
  source: ByteSource,
  locatorOffset: number,
  label: string,
): Promise<DirectoryPlace | undefined> {
  const { locator64, end64 } = zipRecords;
  if (locatorOffset < 0) return undefined;
  const range = { offset: locatorOffset, length: locator64.length };
  const locator = view(await readExactly(source, range, label));
  if (locator.getUint32(0, true) !== locator64.signature) return undefined;
  const offset = count64(locator, 8);
  if (offset + end64.length > locatorOffset) return undefined;
  const record = view(await readExactly(source, { offset, length: end64.length }, label));
  if (record.getUint32(0, true) !== end64.signature) return undefined;
  return { count: count64(record, 32), length: count64(record, 40), offset: count64(record, 48) };
}

/**
 * Finds the central directory from the end of a ZIP archive.
 * @throws ClipError "bad-weights" for a file that is none, or is cut short.
 */
export async function findDirectory(source: ByteSource, label: string): Promise<DirectoryPlace> {
  const length = Math.min(source.size, zipRecords.end.length + longestComment);
  const start = source.size - length;
  const tail = await readExactly(source, { offset: start, length }, label);
  const at = positionOfEnd(tail);
  if (at === undefined) {
    throw new ClipError(
      "bad-weights",
      `${label}: expected a ZIP archive, but its end is missing; the file is cut short or another kind.`,
      { data: { label, size: source.size } },
    );
  }
  const end = view(tail.subarray(at));
  const large = await place64(source, start + at - zipRecords.locator64.length, label);
  return (
    large ?? {
      count: end.getUint16(10, true),
      length: end.getUint32(12, true),
      offset: end.getUint32(16, true),
    }
  );
}
