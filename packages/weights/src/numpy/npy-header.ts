import { ClipError, shown } from "@clip-ts/base";
import { readExactly, type ByteSource } from "../byte-source.ts";
import { dtypeBytes, isShape, type SafetensorsDtype, type TensorInfo } from "../tensor-file.ts";

/** What an .npy file says before its values (numpy.lib.format, versions 1 to 3). */
export interface NpyHeader extends TensorInfo {
  /** Columns lie together, not rows. */
  readonly isFortranOrder: boolean;
  /** Where the values start. */
  readonly dataOffset: number;
}

const dtypes: Readonly<Record<string, SafetensorsDtype>> = {
  "<f8": "F64",
  "<f4": "F32",
  "<f2": "F16",
  "|V2": "BF16", // how NumPy, which has no bfloat16, keeps JAX's
  "<V2": "BF16",
  "<i8": "I64",
  "<i4": "I32",
  "<i2": "I16",
  "|i1": "I8",
  "|u1": "U8",
  "|b1": "BOOL",
};

const magic = "\x93NUMPY";
const longestHeader = 2 ** 16;

/** Bytes within which a header that is read ends. */
export const longestNpyStart: number = 12 + longestHeader;

/** Version, and length of the text that follows; `start` counts from the file's start. */
function parsePrefix(bytes: Uint8Array): { readonly start: number; readonly length: number } | undefined {
  if (bytes.byteLength < 12 || String.fromCharCode(...bytes.subarray(0, 6)) !== magic) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isOld = view.getUint8(6) === 1;
  return isOld ? { start: 10, length: view.getUint16(8, true) } : { start: 12, length: view.getUint32(8, true) };
}

function parseText(text: string): Omit<NpyHeader, "dataOffset"> | undefined {
  const descr = /'descr': *'([^']+)'/.exec(text)?.[1] ?? "";
  const order = /'fortran_order': *(True|False)/.exec(text)?.[1];
  const sides = /'shape': *\(([\d, ]*)\)/.exec(text)?.[1];
  const dtype = Object.hasOwn(dtypes, descr) ? dtypes[descr] : undefined;
  if (dtype === undefined || order === undefined || sides === undefined) return undefined;
  const shape = sides.split(",").filter((side) => side.trim() !== "");
  const numbers = shape.map(Number);
  if (!isShape(numbers, dtypeBytes(dtype))) return undefined;
  return { dtype, isFortranOrder: order === "True", shape: numbers };
}

/**
 * Reads the header of an .npy file.
 * @throws ClipError "bad-weights" for another kind of file or a value type that weights do not have.
 */
export async function readNpyHeader(source: ByteSource, label: string): Promise<NpyHeader> {
  const prefix = parsePrefix(await source.read(0, 12));
  if (prefix === undefined || prefix.length > longestHeader) {
    throw new ClipError("bad-weights", `${label} is no NumPy array.`, { data: { label } });
  }
  const { start: offset, length } = prefix;
  const text = new TextDecoder().decode(await readExactly(source, { offset, length }, label));
  const parsed = parseText(text);
  if (parsed === undefined) {
    throw new ClipError("bad-weights", `${label}: its values cannot be read here: ${shown(text.trim())}`, {
      data: { label, header: text },
    });
  }
  return { ...parsed, dataOffset: offset + length };
}

/** The same types as NumPy writes them. */
const descriptions: Readonly<Record<SafetensorsDtype, string>> = {
  F64: "<f8",
  F32: "<f4",
  F16: "<f2",
  BF16: "|V2",
  I64: "<i8",
  I32: "<i4",
  I16: "<i2",
  I8: "|i1",
  U8: "|u1",
  BOOL: "|b1",
};

/** Values start at a multiple of this. */
const alignment = 64;

/** What stands before the values of an .npy file, rows together (numpy.lib.format, version 1). */
export function formatNpyHeader({ dtype, shape }: TensorInfo): Uint8Array {
  const sides = shape.length === 1 ? `${shape[0]},` : shape.join(", "); // a tuple of one has a comma
  const text = `{'descr': '${descriptions[dtype]}', 'fortran_order': False, 'shape': (${sides}), }`;
  const start = 10; // magic, version, length of the text
  const total = Math.ceil((start + text.length + 1) / alignment) * alignment;
  const header = new TextEncoder().encode(`${" ".repeat(start)}${text}`.padEnd(total - 1) + "\n");
  header.set(Uint8Array.from(magic, (character) => character.charCodeAt(0)));
  header.set([1, 0], magic.length);
  new DataView(header.buffer).setUint16(8, total - start, true);
  return header;
}
