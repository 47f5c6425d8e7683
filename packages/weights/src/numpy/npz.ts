import { crc32 } from "@clip-ts/base";
import { sourceWithin, type ByteSource } from "../byte-source.ts";
import { checkStoredTensor, readStoredTensor, StorageReference, StoredTensor } from "../pytorch/stored-tensor.ts";
import type { LazyTensor } from "../serialize-safetensors.ts";
import {
  assertWhole,
  byteLengthOf,
  dtypeBytes,
  noSuchTensor,
  type HostTensor,
  type TensorFile,
  type TensorInfo,
} from "../tensor-file.ts";
import { directoryBytes, localHeader, openZip, type StoredEntry, type ZipArchive } from "../zip/zip.ts";
import { formatNpyHeader, longestNpyStart, readNpyHeader, type NpyHeader } from "./npy-header.ts";

const suffix = /\.npy$/;

/** Steps from value to value along each axis. */
function stridesOf({ shape, isFortranOrder }: NpyHeader): number[] {
  const axes = [...shape.keys()];
  let step = 1;
  const strides = shape.map(() => 0);
  for (const axis of isFortranOrder ? axes : axes.toReversed()) {
    strides[axis] = step;
    step *= shape[axis] ?? 1;
  }
  return strides;
}

interface StoredMember {
  readonly info: TensorInfo;
  readonly tensor: StoredTensor;
  /** Where the values start within the entry. */
  readonly dataOffset: number;
}

async function readMember(archive: ZipArchive, entry: string): Promise<StoredMember> {
  const label = `${archive.label}: ${entry}`;
  const source = await archive.openStart(entry, longestNpyStart);
  const header = await readNpyHeader(source, label);
  const { dtype, shape, dataOffset } = header;
  const available = source.size - dataOffset;
  const storage = new StorageReference(dtype, entry, Math.floor(available / dtypeBytes(dtype)));
  const tensor = new StoredTensor(storage, { offset: 0, shape, strides: stridesOf(header) });
  checkStoredTensor(label, tensor, available);
  return { info: { dtype, shape }, tensor, dataOffset };
}

/**
 * Opens a NumPy `.npz` archive, as big_vision writes its checkpoints. Arrays stored as they are can be
 * read in part, rows unchecked; what is read whole, as packed ones always are, is held against its CRC-32.
 * @throws ClipError "bad-weights" for arrays whose sizes or checksums do not hold.
 */
export async function openNpz(source: ByteSource, label = "npz"): Promise<TensorFile> {
  const archive = await openZip(source, label);
  const members = new Map<string, StoredMember>();
  for (const entry of archive.entries.keys()) {
    if (suffix.test(entry)) members.set(entry.replace(suffix, ""), await readMember(archive, entry));
  }
  const find = (name: string): StoredMember => {
    const member = members.get(name);
    if (member === undefined) throw noSuchTensor(label, name);
    return member;
  };
  return {
    label,
    metadata: {},
    names: [...members.keys()],
    describe: (name) => ({ ...find(name).info, byteLength: byteLengthOf(find(name).info) }),
    async read(name, rows) {
      const { tensor, dataOffset } = find(name);
      const { key } = tensor.storage;
      const whole = await (rows === undefined ? archive.openChecked(key) : archive.open(key));
      const values = sourceWithin(whole, { offset: dataOffset, length: whole.size - dataOffset });
      return readStoredTensor(values, tensor, { rows, label: `${label}: ${name}` });
    },
  };
}

/** A NumPy archive ready to be written: `chunks()` may be taken more than once. */
export interface NpzStream {
  /** Bytes of the whole file. */
  readonly byteLength: number;
  /** The file in order: header and values of each array, then the archive's directory. */
  chunks(): AsyncIterable<Uint8Array>;
}

/** An array's place in the archive; what it holds is not known before it is loaded. */
interface WrittenMember {
  readonly name: string;
  readonly tensor: LazyTensor;
  readonly header: Uint8Array;
  readonly entry: StoredEntry;
}

function layOut(tensors: Readonly<Record<string, LazyTensor>>): {
  readonly members: readonly WrittenMember[];
  readonly end: number;
} {
  let position = 0;
  const members = Object.entries(tensors).map(([name, tensor]): WrittenMember => {
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
