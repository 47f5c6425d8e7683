import { hostname } from "node:os";
import { join } from "node:path";
import { createSoftFile } from "./soft-file.ts";

/** Castagnoli's polynomial, bits reversed. */
const polynomial = 0x82f63b78;

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) {
    remainder = (remainder & 1) === 1 ? (remainder >>> 1) ^ polynomial : remainder >>> 1;
  }
  return remainder;
});

/** The checksum CRC-32C (RFC 3720, appendix B.4) as an unsigned number. */
export function crc32c(bytes: Uint8Array): number {
  let checksum = 0xffffffff;
  for (const byte of bytes) {
    checksum = (table[(checksum ^ byte) & 0xff] as number) ^ (checksum >>> 8);
  }
  return (checksum ^ 0xffffffff) >>> 0;
}

/** Wire types of protocol buffers. */
const [varintType, eightBytes, delimited, fourBytes] = [0, 1, 2, 5] as const;

type Bytes = readonly number[];

function varint(value: number): Bytes {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low + 128 : low);
  } while (rest > 0);
  return bytes;
}

const key = (field: number, type: number): Bytes => varint(field * 8 + type);

function bytesOf(size: number, write: (view: DataView) => void): Bytes {
  const view = new DataView(new ArrayBuffer(size));
  write(view);
  return [...new Uint8Array(view.buffer)];
}

const float = (value: number): Bytes => bytesOf(4, (view) => view.setFloat32(0, value, true));
const double = (value: number): Bytes => bytesOf(8, (view) => view.setFloat64(0, value, true));
const message = (field: number, content: Bytes): Bytes => [
  ...key(field, delimited),
  ...varint(content.length),
  ...content,
];
const text = (field: number, value: string): Bytes => message(field, [...new TextEncoder().encode(value)]);

/** Numbers by tag at one step. */
export interface ScalarEvent {
  /** Seconds since 1970. */
  readonly wallTime: number;
  readonly step: number;
  readonly scalars: Readonly<Record<string, number>>;
}

/** tensorflow.Event with a summary: wall_time 1, step 2, summary 5 of values 1 with tag 1 and simple_value 2. */
function encodeScalars({ wallTime, step, scalars }: ScalarEvent): Bytes {
  const values = Object.entries(scalars).flatMap(([tag, value]) =>
    message(1, [...text(1, tag), ...key(2, fourBytes), ...float(value)]),
  );
  return [...key(1, eightBytes), ...double(wallTime), ...key(2, varintType), ...varint(step), ...message(5, values)];
}

/** The checksum as records store it: rotated and shifted, so that checksums of checksums differ. */
function masked(bytes: Uint8Array): Bytes {
  const checksum = crc32c(bytes);
  const rotated = ((checksum >>> 15) | (checksum << 17)) >>> 0;
  return bytesOf(4, (view) => view.setUint32(0, (rotated + 0xa282ead8) >>> 0, true));
}

/** A record of a TFRecord file: length, its checksum, content, its checksum. */
function record(content: Bytes): Uint8Array {
  const length = bytesOf(8, (view) => view.setBigUint64(0, BigInt(content.length), true));
  const sums = [length, content].map((part) => masked(Uint8Array.from(part))) as [Bytes, Bytes];
  return Uint8Array.from([...length, ...sums[0], ...content, ...sums[1]]);
}

/** The record every event file begins with: file_version 3. */
export function versionRecord(wallTime: number): Uint8Array {
  return record([...key(1, eightBytes), ...double(wallTime), ...text(3, "brain.Event:2")]);
}

/** The record of some numbers at a step. */
export function scalarRecord(event: ScalarEvent): Uint8Array {
  return record(encodeScalars(event));
}

/** An event file that TensorBoard reads while it grows. */
export interface EventFile {
  readonly write: (step: number, scalars: Readonly<Record<string, number>>) => void;
  readonly close: () => Promise<void>;
}

/** Begins an event file in a folder; a run that goes on writes a further one, as TensorBoard expects. */
export function createEventFile(folder: string): EventFile {
  const seconds = (): number => Date.now() / 1000;
  const startedAt = seconds();
  const name = `events.out.tfevents.${Math.floor(startedAt)}.${hostname()}.${process.pid}`;
  const stream = createSoftFile(join(folder, name));
  stream.write(versionRecord(startedAt));
  return {
    write: (step, scalars) => stream.write(scalarRecord({ wallTime: seconds(), step, scalars })),
    close: () => stream.close(),
  };
}
