import { ClipError } from "@clip-ts/base";
import { readExactly, type ByteSource } from "../byte-source.ts";

/** One file of a ZIP archive, as the central directory describes it. */
export interface ZipEntry {
  readonly name: string;
  /** 0 stored as it is, 8 deflated. */
  readonly method: number;
  /** Bytes as they lie in the archive. */
  readonly storedSize: number;
  /** Bytes once unpacked. */
  readonly size: number;
  /** CRC-32 of the unpacked bytes. */
  readonly checksum: number;
  /** Where the entry's own header starts. */
  readonly headerOffset: number;
}

/** Signatures and lengths of ZIP records (PKWARE APPNOTE 6.3.10, section 4.3). */
export const zipRecords = {
  local: { signature: 0x04034b50, length: 30 },
  central: { signature: 0x02014b50, length: 46 },
  end: { signature: 0x06054b50, length: 22 },
  end64: { signature: 0x06064b50, length: 56 },
  locator64: { signature: 0x07064b50, length: 20 },
} as const;

/** Where the central directory lies and how many entries it lists. */
export interface DirectoryPlace {
  readonly offset: number;
  readonly length: number;
  readonly count: number;
}

/** A comment at the end of the file is at most this long. */
const longestComment = 0xffff;

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

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
async function place64(source: ByteSource, locatorOffset: number, label: string): Promise<DirectoryPlace | undefined> {
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
async function findDirectory(source: ByteSource, label: string): Promise<DirectoryPlace> {
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

/** A directory of 16 MiB lists a hundred thousand tensors; no checkpoint has as many. */
const longestDirectory = 16 * 2 ** 20;

const isLarge = 0xffff_ffff;
const large = { id: 1, sizes: 8 } as const;
const encrypted = 1;

const utf8 = new TextDecoder();

type Fail = (message: string) => never;

/** The 64-bit values that stand in the extra field for those that 32 bits cannot hold. */
function* largeValues(extra: DataView): Generator<number> {
  for (let at = 0; at + 4 <= extra.byteLength;) {
    const id = extra.getUint16(at, true);
    const end = Math.min(at + 4 + extra.getUint16(at + 2, true), extra.byteLength);
    for (let value = at + 4; id === large.id && value + large.sizes <= end; value += large.sizes) {
      yield Number(extra.getBigUint64(value, true));
    }
    at = end;
  }
}

interface Parsed {
  readonly entry: ZipEntry;
  /** Where the next record starts. */
  readonly next: number;
}

function parseEntry(bytes: Uint8Array, start: number, fail: Fail): Parsed {
  const { signature, length } = zipRecords.central;
  const record = new DataView(bytes.buffer, bytes.byteOffset + start, bytes.byteLength - start);
  if (record.byteLength < length || record.getUint32(0, true) !== signature) {
    fail("its directory is damaged.");
  }
  const nameLength = record.getUint16(28, true);
  const extraLength = record.getUint16(30, true);
  const total = length + nameLength + extraLength + record.getUint16(32, true);
  if (total > record.byteLength) fail("its directory is cut short.");
  const nameStart = start + length;
  const name = utf8.decode(bytes.subarray(nameStart, nameStart + nameLength));
  const extra = new DataView(record.buffer, record.byteOffset + length + nameLength, extraLength);
  const wide = largeValues(extra);
  const widen = (value: number): number =>
    value === isLarge ? ((wide.next().value as number | undefined) ?? value) : value;
  if ((record.getUint16(8, true) & encrypted) !== 0) fail(`${name} is encrypted.`);
  const size = widen(record.getUint32(24, true)); // in this order the large values stand
  const storedSize = widen(record.getUint32(20, true));
  const headerOffset = widen(record.getUint32(42, true));
  const method = record.getUint16(10, true);
  const checksum = record.getUint32(16, true);
  return { entry: { name, method, checksum, size, storedSize, headerOffset }, next: start + total };
}

/** Entries lie one after another before the directory: none may reach into the next. */
function checkPlaces(entries: readonly ZipEntry[], place: DirectoryPlace, fail: Fail): void {
  const inOrder = entries.toSorted((a, b) => a.headerOffset - b.headerOffset);
  for (const [index, entry] of inOrder.entries()) {
    const { name, headerOffset, storedSize } = entry;
    const limit = inOrder[index + 1]?.headerOffset ?? place.offset;
    if (headerOffset + zipRecords.local.length + storedSize <= limit) continue;
    fail(
      `${name} claims ${storedSize} bytes from ${headerOffset}, beyond the ${limit} where ` +
        "the next part starts; sizes are wrong or entries overlap.",
    );
  }
}

/**
 * The entries of a ZIP archive by name. Nothing but the directory is read; what it claims is held
 * against the file's real size.
 * @throws ClipError "bad-weights" for damaged, encrypted, overlapping or repeated entries.
 */
export async function readDirectory(source: ByteSource, label: string): Promise<ReadonlyMap<string, ZipEntry>> {
  const fail: Fail = (message) => {
    throw new ClipError("bad-weights", `${label}: ${message}`, { data: { label } });
  };
  const place = await findDirectory(source, label);
  if (place.offset + place.length > source.size) {
    fail(`its directory claims to end at ${place.offset + place.length} of ${source.size} bytes.`);
  }
  if (place.length > longestDirectory) {
    fail(`its directory has ${place.length} bytes; at most ${longestDirectory} are read.`);
  }
  const bytes = await readExactly(source, place, label);
  const entries = new Map<string, ZipEntry>();
  for (let at = 0; at < bytes.byteLength;) {
    const { entry, next } = parseEntry(bytes, at, fail);
    if (entries.has(entry.name)) fail(`${entry.name} is there twice.`);
    entries.set(entry.name, entry);
    at = next;
  }
  if (entries.size !== place.count) {
    fail(`it announces ${place.count} entries, but lists ${entries.size}.`);
  }
  checkPlaces([...entries.values()], place, fail);
  return entries;
}
