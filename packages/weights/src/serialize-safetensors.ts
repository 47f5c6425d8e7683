import { ClipError } from "@clip-ts/base";
import { assertWhole, byteLengthOf, dtypes, type HostTensor, type TensorInfo } from "./tensor-file.ts";

/** A safetensors file ready to be written: `chunks()` may be taken more than once. */
export interface SerializedSafetensors {
  /** Bytes of the whole file. */
  readonly byteLength: number;
  /** The file in order: the header, then one chunk per tensor. */
  chunks(): Iterable<Uint8Array>;
}

/** The same, for tensors that are fetched one at a time while the file is written. */
export interface SafetensorsStream {
  /** Bytes of the whole file. */
  readonly byteLength: number;
  /** The file in order: the header, then one chunk per tensor. */
  chunks(): AsyncIterable<Uint8Array>;
}

/** A tensor whose dtype and shape are known now and whose bytes come when the file reaches it. */
export interface LazyTensor extends TensorInfo {
  /** Called once per pass over the chunks. */
  readonly load: () => Promise<HostTensor>;
}

const utf8 = new TextEncoder();

interface FileLayout<Entry> {
  readonly header: Uint8Array;
  readonly entries: readonly (readonly [name: string, tensor: Entry])[];
  readonly byteLength: number;
}

/** Byte order of the names in UTF-8; JavaScript's own order differs beyond U+FFFF. */
function compareNames(a: string, b: string): number {
  const left = utf8.encode(a);
  const right = utf8.encode(b);
  const differs = left.findIndex((byte, index) => byte !== right[index]);
  if (differs === -1) return left.length - right.length;
  return (left[differs] ?? 0) - (right[differs] ?? -1);
}

/** Objects would move keys such as "0" to the front; a header keeps the stored order. */
function jsonField(name: string, value: object): string {
  return `${JSON.stringify(name)}:${JSON.stringify(value)}`;
}

/** Places tensors as the Rust library does: widest dtype first, then by name; JSON without spaces. */
function layOut<Entry extends TensorInfo>(
  tensors: Readonly<Record<string, Entry>>,
  metadata: Readonly<Record<string, string>> | undefined,
): FileLayout<Entry> {
  const entries = Object.entries(tensors).toSorted(
    ([a, left], [b, right]) => dtypes.indexOf(left.dtype) - dtypes.indexOf(right.dtype) || compareNames(a, b),
  );
  if (Object.hasOwn(tensors, "__metadata__")) {
    throw new ClipError("bad-argument", "No tensor can be called __metadata__; the format uses it.");
  }
  let position = 0;
  const fields = entries.map(([name, { dtype, shape }]) => {
    const begin = position;
    position += byteLengthOf({ dtype, shape });
    return jsonField(name, { dtype, shape, data_offsets: [begin, position] });
  });
  if (metadata !== undefined && Object.keys(metadata).length > 0) {
    fields.unshift(jsonField("__metadata__", metadata));
  }
  const json = utf8.encode(`{${fields.join(",")}}`);
  const header = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(0x20); // spaces
  new DataView(header.buffer).setBigUint64(0, BigInt(header.length - 8), true);
  header.set(json, 8);
  return { header, entries, byteLength: header.length + position };
}

/**
 * A safetensors file of these tensors, byte for byte as the Python library writes it. Nothing is
 * copied: the chunks are the tensors' own bytes.
 */
export function serializeSafetensors(
  tensors: Readonly<Record<string, HostTensor>>,
  metadata?: Readonly<Record<string, string>>,
): SerializedSafetensors {
  const { header, entries, byteLength } = layOut(tensors, metadata);
  for (const [name, tensor] of entries) assertWhole(name, tensor);
  return { byteLength, chunks: () => [header, ...entries.map(([, tensor]) => tensor.bytes)] };
}

/** Like `serializeSafetensors`, holding one tensor in memory at a time. */
export function streamSafetensors(
  tensors: Readonly<Record<string, LazyTensor>>,
  metadata?: Readonly<Record<string, string>>,
): SafetensorsStream {
  const { header, entries, byteLength } = layOut(tensors, metadata);
  async function* chunks(): AsyncIterable<Uint8Array> {
    yield header;
    for (const [name, { dtype, shape, load }] of entries) {
      const { bytes } = await load();
      assertWhole(name, { dtype, shape, bytes });
      yield bytes;
    }
  }
  return { byteLength, chunks };
}

/** The whole file in one array. */
export function toBytes(serialized: SerializedSafetensors): Uint8Array {
  const bytes = new Uint8Array(serialized.byteLength);
  let position = 0;
  for (const chunk of serialized.chunks()) {
    bytes.set(chunk, position);
    position += chunk.byteLength;
  }
  return bytes;
}
