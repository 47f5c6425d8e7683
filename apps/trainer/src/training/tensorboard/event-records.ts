import { crc32c } from "./crc32c.ts";

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
const text = (field: number, value: string): Bytes =>
  message(field, [...new TextEncoder().encode(value)]);

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
  return [
    ...key(1, eightBytes),
    ...double(wallTime),
    ...key(2, varintType),
    ...varint(step),
    ...message(5, values),
  ];
}

/** The checksum as records store it: turned and shifted, so that checksums of checksums differ. */
function masked(bytes: Uint8Array): Bytes {
  const checksum = crc32c(bytes);
  const turned = ((checksum >>> 15) | (checksum << 17)) >>> 0;
  return bytesOf(4, (view) => view.setUint32(0, (turned + 0xa282ead8) >>> 0, true));
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
