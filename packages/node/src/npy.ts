import type { FeatureRows } from "@clip-ts/model";

/** A header of version 1 is padded so that the data begin at a multiple of this. */
const alignment = 64;

/**
 * The rows as a NumPy file of float32 [rows, dim] (format version 1.0 of numpy.lib.format): header,
 * then the values, which are not copied.
 */
export function npyChunks({ values, rows, dim }: FeatureRows): Uint8Array[] {
  const dictionary = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, ${dim}), }`;
  const fixed = 10; // magic, version, length of the text
  const total = Math.ceil((fixed + dictionary.length + 1) / alignment) * alignment;
  const header = Buffer.alloc(total, " ");
  header.write("\u0093NUMPY\u0001\u0000", "latin1");
  header.writeUInt16LE(total - fixed, 8);
  header.write(dictionary, fixed, "latin1");
  header.write("\n", total - 1);
  return [header, new Uint8Array(values.buffer, values.byteOffset, values.byteLength)];
}
