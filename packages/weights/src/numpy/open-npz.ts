import type { ByteSource } from "../byte-source.ts";
import { sourceWithin } from "../byte-source.ts";
import { byteLengthOf, dtypeBytes, type TensorInfo } from "../host-tensor.ts";
import { checkStoredTensor, readStoredTensor } from "../pytorch/read-stored-tensor.ts";
import { StorageReference, StoredTensor } from "../pytorch/stored-tensor.ts";
import { noSuchTensor, type TensorFile } from "../tensor-file.ts";
import { openZip, type ZipArchive } from "../zip/open-zip.ts";
import { longestNpyStart, readNpyHeader, type NpyHeader } from "./npy-header.ts";

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

interface Member {
  readonly info: TensorInfo;
  readonly tensor: StoredTensor;
  /** Where the values start within the entry. */
  readonly dataOffset: number;
}

async function readMember(archive: ZipArchive, entry: string): Promise<Member> {
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
  const members = new Map<string, Member>();
  for (const entry of archive.entries.keys()) {
    if (suffix.test(entry))
      members.set(entry.replace(suffix, ""), await readMember(archive, entry));
  }
  const find = (name: string): Member => {
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
