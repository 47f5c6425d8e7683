import { ClipError } from "@clip-ts/base";
import type { HostTensor, TensorFile } from "./tensor-file.ts";
import type { LazyTensor } from "./serialize-safetensors.ts";

/** Bytes that can be read in pieces: a file, an HTTP range, memory. */
export interface ByteSource {
  /** Bytes in total. */
  readonly size: number;
  /** `length` bytes from `offset`; the caller may keep them. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** A source over bytes in memory. Reads are views: nothing is copied. */
export function bytesSource(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.byteLength,
    read: (offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)),
  };
}

/** Reads a range and refuses an answer of any other length. */
export async function readExactly(
  source: ByteSource,
  range: { readonly offset: number; readonly length: number },
  label: string,
): Promise<Uint8Array> {
  const bytes = await source.read(range.offset, range.length).catch((cause: unknown) => {
    if (!(cause instanceof RangeError)) throw cause; // a buffer of this length cannot be made
    throw new ClipError("bad-weights", `${label}: ${range.length} bytes do not fit into memory.`, {
      data: { label, ...range },
      cause,
    });
  });
  if (bytes.byteLength !== range.length) {
    throw new ClipError(
      "bad-weights",
      `${label}: asked for ${range.length} bytes at ${range.offset}, got ${bytes.byteLength}.`,
      { data: { label, ...range, found: bytes.byteLength } },
    );
  }
  return bytes;
}

/** Part of a source, as a source of its own; reads never leave the part. */
export function sourceWithin(
  source: ByteSource,
  { offset, length }: { readonly offset: number; readonly length: number },
): ByteSource {
  return {
    size: length,
    read: (from, count) => source.read(offset + from, Math.max(0, Math.min(count, length - from))),
  };
}

/** Every tensor of a file, unread: `streamSafetensors(lazyTensors(file))` copies the file. */
export function lazyTensors(file: TensorFile): Record<string, LazyTensor> {
  const lazy = file.names.map((name): [string, LazyTensor] => {
    const { dtype, shape } = file.describe(name);
    return [name, { dtype, shape, load: () => file.read(name) }];
  });
  return Object.fromEntries(lazy);
}

/** Every tensor of a file, in memory. */
export async function readAll(file: TensorFile): Promise<Record<string, HostTensor>> {
  const tensors: [string, HostTensor][] = [];
  for (const name of file.names) tensors.push([name, await file.read(name)]);
  return Object.fromEntries(tensors);
}
