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
    if (!isPacked && method !== methods.stored)
      fail(`is packed by method ${method}, not deflate.`, entry);
    if (!isPacked && size !== length)
      fail(`is stored in ${length} bytes, but claims ${size}.`, entry);
    return { entry, offset, isPacked };
  };
  const checked = (bytes: Uint8Array, entry: ZipEntry): ByteSource => {
    if (crc32(bytes) !== entry.checksum) {
      fail(
        "is damaged: its CRC-32 is not the one that the archive keeps. Fetch or copy it anew.",
        entry,
      );
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
