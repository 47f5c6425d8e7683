import { ClipError } from "@clip-ts/base";

/** A file of a sample in a tar: where its content lies. */
export interface IndexedFile {
  readonly ending: string;
  readonly offset: number;
  readonly length: number;
}

/** A sample of a tar: its key and its files, whatever they hold. */
export interface IndexedSample {
  readonly key: string;
  readonly files: readonly IndexedFile[];
}

const utf8 = new TextEncoder();
const text = new TextDecoder();

/** Bytes that grow as numbers and texts are written behind each other. */
interface GrowingBytes {
  readonly length: number;
  /** A whole number from 0, seven bits a byte, the lowest first (LEB128). */
  number(value: number): void;
  text(value: string): void;
  /** What was written; valid until more is. */
  written(): Uint8Array;
}

function growingBytes(): GrowingBytes {
  let bytes = new Uint8Array(2 ** 16);
  let length = 0;
  const need = (more: number): void => {
    if (length + more <= bytes.byteLength) return;
    const larger = new Uint8Array(Math.max(2 * bytes.byteLength, length + more));
    larger.set(bytes.subarray(0, length));
    bytes = larger;
  };
  const number = (value: number): void => {
    need(8);
    let left = value;
    for (; left >= 0x80; left = Math.floor(left / 0x80)) bytes[length++] = (left % 0x80) + 0x80;
    bytes[length++] = left;
  };
  return {
    get length() {
      return length;
    },
    number,
    text(value) {
      const encoded = utf8.encode(value);
      number(encoded.byteLength);
      need(encoded.byteLength);
      bytes.set(encoded, length);
      length += encoded.byteLength;
    },
    written: () => bytes.subarray(0, length),
  };
}

/** Samples in few bytes: about 30 each. */
export interface RecordWriter {
  readonly samples: number;
  add(sample: IndexedSample): void;
  /** Where each record begins, then all records. */
  parts(): { readonly starts: Uint8Array; readonly records: Uint8Array; readonly endings: readonly string[] };
}

/** A writer of records, empty yet. An ending is a number among all endings. */
export function createRecordWriter(): RecordWriter {
  const bytes = growingBytes();
  const starts: number[] = [];
  const endings = new Map<string, number>();
  const numberOf = (ending: string): number => {
    const known = endings.get(ending) ?? endings.size;
    endings.set(ending, known);
    return known;
  };
  return {
    get samples() {
      return starts.length;
    },
    add({ key, files }) {
      starts.push(bytes.length);
      bytes.text(key);
      bytes.number(files.length);
      for (const { ending, offset, length } of files) {
        bytes.number(numberOf(ending));
        bytes.number(offset);
        bytes.number(length);
      }
    },
    parts() {
      const table = new DataView(new ArrayBuffer(4 * starts.length));
      for (const [at, start] of starts.entries()) table.setUint32(4 * at, start, true);
      return { starts: new Uint8Array(table.buffer), records: bytes.written(), endings: [...endings.keys()] };
    },
  };
}

/** What `createRecordWriter` wrote. */
export interface Records {
  readonly starts: Uint8Array;
  readonly records: Uint8Array;
  readonly endings: readonly string[];
}

/** The sample of that number. @throws ClipError "bad-argument" for a number that is none. */
export function readRecord({ starts, records, endings }: Records, index: number): IndexedSample {
  const samples = starts.byteLength / 4;
  if (!Number.isInteger(index) || index < 0 || index >= samples) {
    throw new ClipError("bad-argument", `sample: expected a whole number from 0 and below ${samples}, got ${index}`);
  }
  let at = new DataView(starts.buffer, starts.byteOffset, starts.byteLength).getUint32(4 * index, true);
  const number = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 0x80) {
      const byte = records[at++] ?? 0;
      value += (byte % 0x80) * factor;
      if (byte < 0x80) return value;
    }
  };
  const keyLength = number();
  const key = text.decode(records.subarray(at, at + keyLength));
  at += keyLength;
  const files = Array.from({ length: number() }, (): IndexedFile => {
    const ending = endings[number()] ?? "";
    return { ending, offset: number(), length: number() };
  });
  return { key, files };
}
