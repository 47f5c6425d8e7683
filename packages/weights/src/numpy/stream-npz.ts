import { crc32 } from "@clip-ts/base";
import { assertWhole, byteLengthOf, type HostTensor } from "../host-tensor.ts";
import type { LazyTensor } from "../serialize-safetensors.ts";
import { directoryBytes, localHeader, type StoredEntry } from "../zip/write-records.ts";
import { formatNpyHeader } from "./npy-header.ts";

/** A NumPy archive ready to be written: `chunks()` may be taken more than once. */
export interface NpzStream {
  /** Bytes of the whole file. */
  readonly byteLength: number;
  /** The file in order: header and values of each array, then the archive's directory. */
  chunks(): AsyncIterable<Uint8Array>;
}

/** An array's place in the archive; what it holds is not known before it is loaded. */
interface Member {
  readonly name: string;
  readonly tensor: LazyTensor;
  readonly header: Uint8Array;
  readonly entry: StoredEntry;
}

function layOut(tensors: Readonly<Record<string, LazyTensor>>): {
  readonly members: readonly Member[];
  readonly end: number;
} {
  let position = 0;
  const members = Object.entries(tensors).map(([name, tensor]): Member => {
    const header = formatNpyHeader(tensor);
    const size = header.byteLength + byteLengthOf(tensor);
    const entry = { name: `${name}.npy`, size, crc: 0, headerOffset: position };
    position += localHeader(entry).byteLength + size;
    return { name, tensor, header, entry };
  });
  return { members, end: position };
}

/**
 * A NumPy `.npz` of these tensors, as `numpy.savez` writes it (nothing packed), holding one tensor in
 * memory at a time. F16 and wider, integers and BOOL are NumPy's own types; BF16 is kept as JAX keeps it.
 */
export function streamNpz(tensors: Readonly<Record<string, LazyTensor>>): NpzStream {
  const { members, end } = layOut(tensors);
  const directory = (entries: readonly StoredEntry[]): Uint8Array => directoryBytes(entries, end);
  async function* chunks(): AsyncIterable<Uint8Array> {
    const written: StoredEntry[] = [];
    for (const { name, tensor, header, entry } of members) {
      const { bytes }: HostTensor = await tensor.load();
      assertWhole(name, { dtype: tensor.dtype, shape: tensor.shape, bytes });
      const stored = { ...entry, crc: crc32(bytes, crc32(header)) };
      yield localHeader(stored);
      yield header;
      yield bytes;
      written.push(stored);
    }
    yield directory(written);
  }
  return { byteLength: end + directory(members.map(({ entry }) => entry)).byteLength, chunks };
}
