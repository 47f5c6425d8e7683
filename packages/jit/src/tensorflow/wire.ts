/** Part of a protobuf message, encoded. */
export type Encoded = readonly number[] | Uint8Array;

const encoder = new TextEncoder();

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

/** Joins encoded parts. */
export function joined(parts: readonly Encoded[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** An integer, enumeration or truth value. */
export const integer = (field: number, value: number): Encoded => [
  ...varint(field * 8),
  ...varint(value),
];

/** A 32-bit float. */
export const float = (field: number, value: number): Encoded => [
  ...varint(field * 8 + 5),
  ...new Uint8Array(Float32Array.of(value).buffer),
];

/** Bytes of known length. */
export const bytes = (field: number, value: Uint8Array): Encoded =>
  joined([varint(field * 8 + 2), varint(value.length), value]);

/** UTF-8 text. */
export const text = (field: number, value: string): Encoded => bytes(field, encoder.encode(value));

/** A message inside a message. */
export const message = (field: number, parts: readonly Encoded[]): Encoded =>
  bytes(field, joined(parts));

/** Entries of a map whose keys are text and whose values are messages. */
export const entries = (field: number, map: ReadonlyMap<string, readonly Encoded[]>): Encoded[] =>
  Array.from(map, ([key, value]) => message(field, [text(1, key), message(2, value)]));
