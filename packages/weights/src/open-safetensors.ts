import { ClipError } from "@clip-ts/base";
import { readExactly, type ByteSource } from "./byte-source.ts";
import { rowBytes } from "./host-tensor.ts";
import { parseHeader, type SafetensorsHeader } from "./safetensors-header.ts";
import { noSuchTensor, type TensorFile } from "./tensor-file.ts";

/** The longest header that safetensors allows, in bytes: what claims more is no safetensors file. */
export const longestHeader = 100_000_000;

/** The longest that is read: sixty thousand tensors, where the largest CLIP has a few thousand. */
const longestRead = 8 * 2 ** 20;

async function readHeader(
  source: ByteSource,
  label: string,
): Promise<SafetensorsHeader & { dataStart: number }> {
  const fail = (message: string): never => {
    throw new ClipError("bad-weights", `${label}: ${message}`, {
      data: { label, size: source.size },
    });
  };
  if (source.size < 8) {
    return fail(`expected a safetensors file, found ${source.size} bytes; fetch it again.`);
  }
  const start = await readExactly(source, { offset: 0, length: 8 }, label);
  const claimed = new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true);
  if (claimed > BigInt(longestHeader)) {
    return fail(
      `the header claims ${claimed} bytes, more than the ${longestHeader} allowed; this is no safetensors file.`,
    );
  }
  const length = Number(claimed);
  const dataStart = 8 + length;
  if (dataStart > source.size) {
    return fail(
      `the header claims ${length} bytes, but the file has ${source.size}; it is truncated, fetch it again.`,
    );
  }
  if (length > longestRead) {
    return fail(
      `the header has ${length} bytes; at most ${longestRead} are read, and models need less.`,
    );
  }
  const text = await readExactly(source, { offset: 8, length }, label);
  return { ...parseHeader(text, source.size - dataStart, label), dataStart };
}

/**
 * Opens a safetensors file by reading its header only. A header that is malformed, or does not fit
 * the file exactly, is a `bad-weights` error that names `label`, the tensor, what was expected and found.
 */
export async function openSafetensors(
  source: ByteSource,
  label = "safetensors",
): Promise<TensorFile> {
  const { metadata, places, dataStart } = await readHeader(source, label);
  const byName = new Map(places.map((place) => [place.name, place]));
  const find = (name: string) => {
    const place = byName.get(name);
    if (place === undefined) throw noSuchTensor(label, name);
    return place;
  };
  return {
    label,
    metadata,
    names: places.map((place) => place.name),
    describe(name) {
      const { dtype, shape, byteLength } = find(name);
      return { dtype, shape, byteLength };
    },
    async read(name, rows) {
      const place = find(name);
      const { dtype, shape } = place;
      const part =
        rows === undefined ? { offset: 0, length: place.byteLength } : rowBytes(place, rows);
      const range = { offset: dataStart + place.offset + part.offset, length: part.length };
      const bytes = await readExactly(source, range, `${label}: tensor "${name}"`);
      if (rows === undefined) return { dtype, shape, bytes };
      return { dtype, shape: [rows[1] - rows[0], ...shape.slice(1)], bytes };
    },
  };
}
