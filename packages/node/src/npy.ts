import type { FeatureRows } from "@clip-ts/model";

/** A header of version 1 is padded so that the data begin at a multiple of this. */
const alignment = 64;

/** Magic, version, length of the text. */
const fixed = 10;

/** What a NumPy file of float32 [rows, dim] begins with (format version 1.0 of numpy.lib.format). */
export function npyHead(rows: number, dim: number): Uint8Array {
  const dictionary = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, ${dim}), }`;
  const total = Math.ceil((fixed + dictionary.length + 1) / alignment) * alignment;
  const header = Buffer.alloc(total, " ");
  header.write("\u0093NUMPY\u0001\u0000", "latin1");
  header.writeUInt16LE(total - fixed, 8);
  header.write(dictionary, fixed, "latin1");
  header.write("\n", total - 1);
  return header;
}

/** The rows as a NumPy file of float32 [rows, dim]: header, then the values, which are not copied. */
export function npyChunks({ values, rows, dim }: FeatureRows): Uint8Array[] {
  return [npyHead(rows, dim), new Uint8Array(values.buffer, values.byteOffset, values.byteLength)];
}
