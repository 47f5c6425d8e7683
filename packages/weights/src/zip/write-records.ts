import { zipRecords } from "./directory.ts";

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
