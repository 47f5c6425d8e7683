import { ClipError } from "@clip-ts/base";
import { bytesSource, readExactly, sourceWithin, type ByteSource } from "../byte-source.ts";
import { inflateExactly } from "./inflate-exactly.ts";
import { readDirectory } from "./read-directory.ts";
import { zipRecords, type ZipEntry } from "./zip-entry.ts";

/** A ZIP archive whose entries are read one at a time. */
export interface ZipArchive {
  /** What errors call it. */
  readonly label: string;
  readonly entries: ReadonlyMap<string, ZipEntry>;
  /** An entry's content: a view of the archive where it is stored as it is, else unpacked in memory. */
  open(name: string): Promise<ByteSource>;
}

const methods = { stored: 0, deflated: 8 } as const;

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
  return {
    label,
    entries,
    async open(name) {
      const entry = entries.get(name);
      if (entry === undefined) {
        throw new ClipError("bad-weights", `${label} has no entry ${name}.`, { data: { name } });
      }
      const { method, storedSize: length, size } = entry;
      const offset = await dataOffset(source, entry, label);
      if (offset + length > source.size) fail("reaches beyond the end of the file.", entry);
      if (method === methods.stored) {
        if (size !== length) fail(`is stored in ${length} bytes, but claims ${size}.`, entry);
        return sourceWithin(source, { offset, length });
      }
      if (method !== methods.deflated) fail(`is packed by method ${method}, not deflate.`, entry);
      const packed = await readExactly(source, { offset, length }, label);
      return bytesSource(inflateExactly(packed, size, `${label}: ${name}`));
    },
  };
}
