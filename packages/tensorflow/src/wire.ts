/**
 * Part of a protobuf message, encoded. Large tensors are carried along as they are and copied only once,
 * at the end.
 */
export interface Encoded {
  readonly length: number;
  readonly chunks: readonly Uint8Array[];
}

/** Parts below this many bytes are joined at once, so that chunks stay few. */
const smallestChunk = 4096;

const encoder = new TextEncoder();

/** Joins chunks. */
function concatenated(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

const encodedBytes = (chunk: Uint8Array): Encoded => ({ length: chunk.length, chunks: [chunk] });

/** Parts after each other. */
function sequence(parts: readonly Encoded[]): Encoded {
  const chunks: Uint8Array[] = [];
  let pending: Uint8Array[] = [];
  let pendingLength = 0;
  const flush = (): void => {
    if (pending.length > 0) chunks.push(concatenated(pending, pendingLength));
    pending = [];
    pendingLength = 0;
  };
  for (const chunk of parts.flatMap((part) => part.chunks)) {
    if (chunk.length >= smallestChunk) {
      flush();
      chunks.push(chunk);
    } else {
      pending.push(chunk);
      pendingLength += chunk.length;
    }
  }
  flush();
  return { length: parts.reduce((total, part) => total + part.length, 0), chunks };
}

/** A base-128 varint; negative numbers take the ten bytes of their 64-bit two's complement. */
function varint(value: number): number[] {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  return [...bytes, Number(rest)];
}

/** Parts as one array. */
export function joined(parts: readonly Encoded[]): Uint8Array {
  const { chunks, length } = sequence(parts);
  return concatenated(chunks, length);
}

/** An integer, enumeration or truth value. */
export const integer = (field: number, value: number): Encoded =>
  encodedBytes(Uint8Array.of(...varint(field * 8), ...varint(value)));

/** A 32-bit float. */
export const float = (field: number, value: number): Encoded =>
  encodedBytes(
    Uint8Array.of(...varint(field * 8 + 5), ...new Uint8Array(Float32Array.of(value).buffer)),
  );

const lengthPrefix = (field: number, length: number): Encoded =>
  encodedBytes(Uint8Array.of(...varint(field * 8 + 2), ...varint(length)));

/** Bytes of known length. */
export const bytes = (field: number, value: Uint8Array): Encoded =>
  sequence([lengthPrefix(field, value.length), encodedBytes(value)]);

/** UTF-8 text. */
export const text = (field: number, value: string): Encoded => bytes(field, encoder.encode(value));

/** A message inside a message. */
export function message(field: number, parts: readonly Encoded[]): Encoded {
  const body = sequence(parts);
  return sequence([lengthPrefix(field, body.length), body]);
}

/** Entries of a map whose keys are text and whose values are messages. */
export const entries = (field: number, map: ReadonlyMap<string, readonly Encoded[]>): Encoded[] =>
  Array.from(map, ([key, value]) => message(field, [text(1, key), message(2, value)]));
