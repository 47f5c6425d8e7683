import { ClipError, crc32 } from "@clip-ts/base";
import { Inflate } from "fflate";
import { bytesSource, readExactly, sourceWithin, type ByteSource } from "../byte-source.ts";
import { readDirectory, zipRecords, type ZipEntry } from "./directory.ts";

/** What deflate makes of real weights is at least a tenth as long; only zeros shrink further. */
const plausible = { always: 2 ** 26, ratio: 64 } as const;

/** Packed bytes handed over at a time, so that too much output is noticed early. */
const step = 2 ** 16;

/** The same where only the start is wanted: a thousandfold of it is made at most. */
const smallStep = 2 ** 9;

function damaged(label: string, cause: unknown): ClipError {
  return new ClipError("bad-weights", `${label}: is damaged and cannot be unpacked.`, {
    data: { label },
    cause,
  });
}

/**
 * Unpacks no more than the first `length` bytes; fewer if there are not so many. However much a file
 * claims, this costs what `length` costs.
 * @throws ClipError "bad-weights" for damage.
 */
function inflateStart(packed: Uint8Array, length: number, label: string): Uint8Array {
  const bytes = new Uint8Array(length);
  let filled = 0;
  const inflate = new Inflate((chunk) => {
    const part = chunk.subarray(0, length - filled);
    bytes.set(part, filled);
    filled += part.byteLength;
  });
  try {
    for (let at = 0; at < packed.byteLength && filled < length; at += smallStep) {
      inflate.push(packed.subarray(at, at + smallStep), at + smallStep >= packed.byteLength);
    }
  } catch (cause) {
    throw damaged(label, cause);
  }
  return bytes.subarray(0, filled);
}

/**
 * Unpacks deflated bytes into exactly `size` bytes.
 * @throws ClipError "bad-weights" for damage, another size, or a size that no weights have.
 */
function inflateExactly(packed: Uint8Array, size: number, label: string): Uint8Array {
  const fail = (message: string): never => {
    throw new ClipError("bad-weights", `${label}: ${message}`, { data: { label, size } });
  };
  if (size > Math.max(plausible.always, plausible.ratio * packed.byteLength)) {
    fail(`${packed.byteLength} bytes claim to unpack to ${size}; that is refused.`);
  }
  const bytes = new Uint8Array(size);
  let filled = 0;
  const inflate = new Inflate((chunk) => {
    if (filled + chunk.byteLength > size) fail(`unpacks to more than the ${size} bytes it claims.`);
    bytes.set(chunk, filled);
    filled += chunk.byteLength;
  });
  try {
    for (let at = 0; at < packed.byteLength; at += step) {
      inflate.push(packed.subarray(at, at + step), at + step >= packed.byteLength);
    }
  } catch (cause) {
    throw cause instanceof ClipError ? cause : damaged(label, cause);
  }
  if (filled !== size) fail(`unpacks to ${filled} bytes, but claims ${size}.`);
  return bytes;
}

/** A ZIP archive whose entries are read one at a time. */
export interface ZipArchive {
  /** What errors call it. */
  readonly label: string;
  readonly entries: ReadonlyMap<string, ZipEntry>;
  /**
   * An entry's content: a view of the archive where it is stored as it is, whose checksum is not looked at
   * (PyTorch writes none if asked to, and never checks), else unpacked in memory and checked.
   */
  open(name: string): Promise<ByteSource>;
  /** The same, read whole into memory. @throws ClipError "bad-weights" where its CRC-32 is another. */
  openChecked(name: string): Promise<ByteSource>;
  /** The same entry, of which only the first `length` bytes can be read; no more of it is unpacked. */
  openStart(name: string, length: number): Promise<ByteSource>;
}

/** An entry as it lies in the archive. */
interface Located {
  readonly entry: ZipEntry;
  readonly offset: number;
  readonly isPacked: boolean;
}

const methods = { stored: 0, deflated: 8 } as const;

/** Bytes that tables of a deflated block take beside what they unpack to. */
const packedOverhead = 2 ** 12;

/** Where an entry's bytes start: behind its own header, whose length only it knows. */
async function dataOffset(source: ByteSource, entry: ZipEntry, label: string): Promise<number> {
  const { signature, length } = zipRecords.local;
  const header = await readExactly(source, { offset: entry.headerOffset, length }, label);
  const record = new DataView(header.buffer, header.byteOffset, length);
  if (record.getUint32(0, true) !== signature) {
    throw new ClipError("bad-weights", `${label}: ${entry.name} is not where the directory says.`, {
      data: { label, entry },
    });
  }
  const names = record.getUint16(26, true) + record.getUint16(28, true);
  return entry.headerOffset + length + names;
}

/**
 * Opens a ZIP archive by reading its directory only.
 * @throws ClipError "bad-weights" where the directory and the file do not agree.
 */
export async function openZip(source: ByteSource, label: string): Promise<ZipArchive> {
  const entries = await readDirectory(source, label);
  const fail = (message: string, entry: ZipEntry): never => {
    throw new ClipError("bad-weights", `${label}: ${entry.name} ${message}`, { data: { entry } });
  };
  const locate = async (name: string): Promise<Located> => {
    const entry = entries.get(name);
    if (entry === undefined) {
      throw new ClipError("bad-weights", `${label} has no entry ${name}.`, { data: { name } });
    }
    const { method, storedSize: length, size } = entry;
    const offset = await dataOffset(source, entry, label);
    if (offset + length > source.size) fail("reaches beyond the end of the file.", entry);
    const isPacked = method === methods.deflated;
    if (!isPacked && method !== methods.stored) fail(`is packed by method ${method}, not deflate.`, entry);
    if (!isPacked && size !== length) fail(`is stored in ${length} bytes, but claims ${size}.`, entry);
    return { entry, offset, isPacked };
  };
  const checked = (bytes: Uint8Array, entry: ZipEntry): ByteSource => {
    if (crc32(bytes) !== entry.checksum) {
      fail("is damaged: its CRC-32 is not the one that the archive keeps. Fetch or copy it anew.", entry);
    }
    return bytesSource(bytes);
  };
  const storedBytes = ({ entry, offset }: Located, most: number): Promise<Uint8Array> =>
    readExactly(source, { offset, length: Math.min(entry.storedSize, most) }, label);
  const unpacked = async (located: Located): Promise<ByteSource> => {
    const { entry } = located;
    const packed = await storedBytes(located, entry.storedSize);
    return checked(inflateExactly(packed, entry.size, `${label}: ${entry.name}`), entry);
  };
  return {
    label,
    entries,
    async open(name) {
      const located = await locate(name);
      const { entry, offset, isPacked } = located;
      if (isPacked) return unpacked(located);
      return sourceWithin(source, { offset, length: entry.storedSize });
    },
    async openChecked(name) {
      const located = await locate(name);
      if (located.isPacked) return unpacked(located);
      return checked(await storedBytes(located, located.entry.storedSize), located.entry);
    },
    async openStart(name, length) {
      const located = await locate(name);
      const { entry, offset, isPacked } = located;
      if (!isPacked) return sourceWithin(source, { offset, length: entry.storedSize });
      // Deflate makes a text hardly longer, so that the start lies in as many bytes.
      const packed = await storedBytes(located, 2 * length + packedOverhead);
      const start = inflateStart(packed, Math.min(length, entry.size), `${label}: ${name}`);
      return { ...bytesSource(start), size: entry.size };
    },
  };
}

/** A file that is stored as it is in an archive that is being written. */
export interface StoredEntry {
  readonly name: string;
  /** Bytes of its content. */
  readonly size: number;
  /** Checksum of its content. */
  readonly crc: number;
  /** Where its own header starts. */
  readonly headerOffset: number;
}

/** Stands in a 32-bit field whose value is too large for it; the value then stands in 64 bits elsewhere. */
const seeElsewhere = 0xffff_ffff;
const seeElsewhere16 = 0xffff;

const versions = { plain: 20, large: 45 } as const;
const utf8Names = 0x0800;
/** The first of January 1980: archives of the same content are the same bytes. */
const date = 0x0021;

const utf8 = new TextEncoder();

/** Little-endian fields one after another. */
class Fields {
  private readonly bytes: number[] = [];

  add(value: number, length: 2 | 4 | 8): this {
    let rest = value;
    for (let byte = 0; byte < length; byte++) {
      this.bytes.push(rest % 256);
      rest = Math.floor(rest / 256);
    }
    return this;
  }

  /** The fields, then what follows them. */
  joined(...parts: readonly Uint8Array[]): Uint8Array {
    const length = parts.reduce((sum, part) => sum + part.byteLength, this.bytes.length);
    const result = new Uint8Array(length);
    result.set(this.bytes);
    let position = this.bytes.length;
    for (const part of parts) {
      result.set(part, position);
      position += part.byteLength;
    }
    return result;
  }
}

const isLarge = (value: number): boolean => value >= seeElsewhere;
const short = (value: number): number => (isLarge(value) ? seeElsewhere : value);

/** The extra field that holds what 32 bits cannot (PKWARE APPNOTE 6.3.10, section 4.5.3). */
function extraField(values: readonly number[]): Uint8Array {
  if (values.length === 0) return new Uint8Array();
  const fields = new Fields().add(1, 2).add(8 * values.length, 2);
  for (const value of values) fields.add(value, 8);
  return fields.joined();
}

/** Version, flags, method, time, date, checksum and both sizes: the same in both of an entry's headers. */
function addShared(fields: Fields, { size, crc }: StoredEntry, version: number): Fields {
  fields.add(version, 2).add(utf8Names, 2).add(0, 2).add(0, 2).add(date, 2);
  return fields.add(crc, 4).add(short(size), 4).add(short(size), 4);
}

/** What stands before an entry's content. */
export function localHeader(entry: StoredEntry): Uint8Array {
  const name = utf8.encode(entry.name);
  const extra = extraField(isLarge(entry.size) ? [entry.size, entry.size] : []);
  const version = isLarge(entry.size) ? versions.large : versions.plain;
  const fields = new Fields().add(zipRecords.local.signature, 4);
  addShared(fields, entry, version).add(name.byteLength, 2).add(extra.byteLength, 2);
  return fields.joined(name, extra);
}

/** An entry's record in the directory. */
function centralRecord(entry: StoredEntry): Uint8Array {
  const { size, headerOffset } = entry;
  const name = utf8.encode(entry.name);
  const extra = extraField([size, size, headerOffset].filter(isLarge));
  const version = extra.byteLength > 0 ? versions.large : versions.plain;
  const fields = new Fields().add(zipRecords.central.signature, 4).add(version, 2);
  addShared(fields, entry, version).add(name.byteLength, 2).add(extra.byteLength, 2);
  fields.add(0, 2).add(0, 2).add(0, 2).add(0, 4).add(short(headerOffset), 4); // no comment, disk 0
  return fields.joined(name, extra);
}

interface Place {
  readonly offset: number;
  readonly length: number;
  readonly count: number;
}

/** The 64-bit end and what points to it, for archives that the 32-bit end cannot describe. */
function largeEnd({ offset, length, count }: Place): Uint8Array {
  const { end64, locator64 } = zipRecords;
  const locator = new Fields().add(locator64.signature, 4).add(0, 4);
  locator.add(offset + length, 8).add(1, 4);
  const record = new Fields().add(end64.signature, 4).add(end64.length - 12, 8);
  record.add(versions.large, 2).add(versions.large, 2).add(0, 4).add(0, 4);
  record.add(count, 8).add(count, 8).add(length, 8).add(offset, 8);
  return record.joined(locator.joined());
}

function end({ offset, length, count }: Place): Uint8Array {
  const shortCount = Math.min(count, seeElsewhere16);
  const fields = new Fields().add(zipRecords.end.signature, 4).add(0, 2).add(0, 2);
  fields.add(shortCount, 2).add(shortCount, 2).add(short(length), 4).add(short(offset), 4);
  return fields.add(0, 2).joined();
}

/** The directory that follows the last entry's content at `offset`, and the archive's end. */
export function directoryBytes(entries: readonly StoredEntry[], offset: number): Uint8Array {
  const records = new Fields().joined(...entries.map(centralRecord));
  const place = { offset, length: records.byteLength, count: entries.length };
  const needsLarge = isLarge(offset) || place.count >= seeElsewhere16;
  const ends = needsLarge ? [largeEnd(place), end(place)] : [end(place)];
  return new Fields().joined(records, ...ends);
}
