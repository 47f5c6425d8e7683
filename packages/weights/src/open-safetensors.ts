import { ClipError } from "@clip-ts/base";
import { readExactly, type ByteSource } from "./byte-source.ts";
import { rowBytes, type HostTensor, type RowRange, type TensorInfo } from "./host-tensor.ts";
import { parseHeader, type SafetensorsHeader } from "./safetensors-header.ts";

/** Tensors by name, read one at a time: a file, several shards, or a renamed view of either. */
export interface SafetensorsFile {
  /** What errors call it. */
  readonly label: string;
  /** The free text of the header, such as `{ format: "pt" }`. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Tensor names in stored order. */
  readonly names: readonly string[];
  /** Dtype, shape and size of a tensor, without reading it. */
  describe(name: string): TensorInfo & { readonly byteLength: number };
  /** One tensor, or only its rows `[start, end)` along the first axis. */
  read(name: string, rows?: RowRange): Promise<HostTensor>;
}

/** The longest header that safetensors allows, in bytes. */
const longestHeader = 100_000_000;

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
  const text = await readExactly(source, { offset: 8, length }, label);
  return { ...parseHeader(text, source.size - dataStart, label), dataStart };
}

/** The error for a name that a file does not have. */
export function noSuchTensor(label: string, name: string): ClipError {
  return new ClipError("bad-weights", `${label} has no tensor "${name}".`, {
    data: { label, name },
  });
}

/**
 * Opens a safetensors file by reading its header only. A header that is malformed, or does not fit
 * the file exactly, is a `bad-weights` error that names `label`, the tensor, what was expected and found.
 */
export async function openSafetensors(
  source: ByteSource,
  label = "safetensors",
): Promise<SafetensorsFile> {
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
