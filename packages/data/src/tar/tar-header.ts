/** Headers and content of a tar come in blocks of so many bytes (POSIX.1-2017, pax, "ustar Interchange Format"). */
export const blockBytes = 512;

/** What one header says. */
export interface TarHeader {
  readonly name: string;
  /** Bytes of content. */
  readonly size: number;
  /** The type flag: "0" and "\0" are files, "x" is a pax header, "L" a long name of GNU tar. */
  readonly type: string;
  /** Whether a header of GNU tar's sparse files goes on in the next block. */
  readonly goesOn: boolean;
}

const lenient = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });
const latin = new TextDecoder("latin1");

/** The text of a field, up to its first NUL. */
function textOf(field: Uint8Array): string {
  const end = field.indexOf(0);
  return lenient.decode(end === -1 ? field : field.subarray(0, end));
}

/** A number in octal digits, or, where the first bit is set, in base 256 (GNU); NaN if it is neither. */
function numberOf(field: Uint8Array): number {
  const [first = 0] = field;
  if (first === 0x80) return field.subarray(1).reduce((sum, byte) => sum * 256 + byte, 0);
  const digits = latin.decode(field).replaceAll("\0", " ").trim();
  return /^[0-7]*$/.test(digits) ? Number.parseInt(digits || "0", 8) : Number.NaN;
}

/** The sum of all bytes, those of the checksum itself taken for blanks. */
function sumOf(block: Uint8Array): number {
  let sum = 8 * 0x20;
  for (let at = 0; at < blockBytes; at++) if (at < 148 || at >= 156) sum += block[at] ?? 0;
  return sum;
}

/** True for a block of zeros, which ends an archive. */
export function isEmptyBlock(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0);
}

/** What a block says as a header; undefined if its checksum is wrong, so that it is none. */
export function readTarHeader(block: Uint8Array): TarHeader | undefined {
  if (numberOf(block.subarray(148, 156)) !== sumOf(block)) return undefined;
  const size = numberOf(block.subarray(124, 136));
  if (!Number.isSafeInteger(size)) return undefined;
  const type = String.fromCharCode(block[156] ?? 0);
  const isPosix = latin.decode(block.subarray(257, 263)) === "ustar\0";
  const folder = isPosix ? textOf(block.subarray(345, 500)) : "";
  const name = textOf(block.subarray(0, 100));
  return { name: folder === "" ? name : `${folder}/${name}`, size, type, goesOn: type === "S" && block[482] === 1 };
}

/** The records of a pax header, `LENGTH NAME=VALUE` each; those up to the first that is none. */
export function readPax(content: Uint8Array): ReadonlyMap<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < content.byteLength;) {
    const blank = content.indexOf(0x20, at);
    const length = blank === -1 ? Number.NaN : Number(latin.decode(content.subarray(at, blank)));
    if (!(length > blank - at + 1) || at + length > content.byteLength) break;
    const record = lenient.decode(content.subarray(blank + 1, at + length - 1));
    const equals = record.indexOf("=");
    if (equals < 1) break;
    records.set(record.slice(0, equals), record.slice(equals + 1));
    at += length;
  }
  return records;
}

/** The name that an entry of GNU tar's type "L" has as its content. */
export function readLongName(content: Uint8Array): string {
  return textOf(content);
}
