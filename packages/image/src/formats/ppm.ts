import { inPieces, type Yielding } from "@clip-ts/base";
import type { Pixels } from "../pixels.ts";
import { checkImageSize, checkReaches, refuse } from "./shared.ts";

/** A file's head: its kind, the size of the image, and where the pixels begin. */
interface Head {
  /** 1 to 3 are written in digits, 4 to 6 in bytes: black and white, grey, colours. */
  readonly kind: number;
  readonly width: number;
  readonly height: number;
  /** The brightest value. */
  readonly largest: number;
  readonly start: number;
}

const [newline, hash, zero, nine] = [0x0a, 0x23, 0x30, 0x39];

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || (byte !== undefined && byte >= 0x09 && byte <= 0x0d);
}

/** Whether bytes begin as a PBM, PGM or PPM file does. */
export function isPpm(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1]! > zero && bytes[1]! <= zero + 6 && isBlank(bytes[2]);
}

function afterComment(bytes: Uint8Array, start: number): number {
  let at = start;
  while (at < bytes.length && bytes[at] !== newline && bytes[at] !== 0x0d) at++;
  return at + 1;
}

/** The next number of a head, and the place after the blank that ends it. */
function headNumber(bytes: Uint8Array, start: number): readonly [value: number, end: number] {
  let digits = "";
  let at = start;
  while (at < bytes.length) {
    if (bytes[at] === hash) {
      at = afterComment(bytes, at);
      continue;
    }
    const byte = bytes[at++]!;
    if (!isBlank(byte)) digits += String.fromCharCode(byte);
    else if (digits !== "") break;
    if (digits.length > 10) break;
  }
  if (!/^\d{1,10}$/u.test(digits)) refuse(`the PPM head should have a number, got "${digits}"`);
  return [Number(digits), at];
}

function readHead(bytes: Uint8Array): Head {
  const kind = bytes[1]! - zero;
  const [width, afterWidth] = headNumber(bytes, 2);
  const [height, afterHeight] = headNumber(bytes, afterWidth);
  checkImageSize({ width, height });
  if (kind === 1 || kind === 4) return { kind, width, height, largest: 1, start: afterHeight };
  const [largest, start] = headNumber(bytes, afterHeight);
  if (largest > 0 && largest < 65_536) return { kind, width, height, largest, start };
  return refuse(`the brightest value of a PPM is from 1 to 65535, got ${largest}`);
}

/** Halves go to the even whole number. */
function scaleTo(most: number, value: number, largest: number): number {
  const scaled = (value / largest) * most;
  const whole = Math.floor(scaled);
  const rest = scaled - whole;
  const up = rest > 0.5 || (rest === 0.5 && whole % 2 === 1);
  return Math.min(most, up ? whole + 1 : whole);
}

/** The brightest value that samples are scaled to. */
const mostOf = (values: Uint8Array | Int32Array): number => (values instanceof Int32Array ? 65_535 : 255);

/** Gives the values that are written in digits, one after the other. */
function numberReader(bytes: Uint8Array, { start, largest }: Head): () => number {
  let at = start;
  return () => {
    let value = 0;
    let digits = 0;
    for (; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if (byte >= zero && byte <= nine) {
        value = value * 10 + byte - zero;
        digits++;
      } else if (byte === hash) at = afterComment(bytes, at) - 1;
      else if (!isBlank(byte)) refuse(`a PPM in digits has the byte ${byte}`);
      else if (digits > 0) break;
    }
    if (digits === 0) refuse("the image file is truncated: values are missing");
    if (digits > 10 || value > largest) refuse(`${value} is above ${largest}`);
    return value;
  };
}

function plainValues(bytes: Uint8Array, head: Head, values: Uint8Array | Int32Array): Yielding<void> {
  const next = numberReader(bytes, head);
  const most = mostOf(values);
  return inPieces(values.length, (start, end) => {
    for (let index = start; index < end; index++) {
      values[index] = scaleTo(most, next(), head.largest);
    }
  });
}

/** Values written in one or two bytes each. */
function rawValues(bytes: Uint8Array, head: Head, values: Uint8Array | Int32Array): Yielding<void> {
  const most = mostOf(values);
  const size = head.largest > 255 ? 2 : 1;
  const scaled = Int32Array.from({ length: 256 ** size }, (_, value) => scaleTo(most, value, head.largest));
  return inPieces(values.length, (start, end) => {
    for (let index = start, at = head.start + size * start; index < end; index++, at += size) {
      const value = size === 2 ? (bytes[at]! << 8) | bytes[at + 1]! : bytes[at]!;
      values[index] = scaled[value]!;
    }
  });
}

/** Gives black and white in digits, with blanks between them or without. */
function bitReader(bytes: Uint8Array, { start }: Head): () => number {
  let at = start;
  return () => {
    for (;;) {
      const byte = bytes[at++];
      if (byte === undefined) refuse("the image file is truncated: values are missing");
      if (byte === zero || byte === zero + 1) return byte === zero ? 255 : 0;
      if (byte === hash) at = afterComment(bytes, at);
      else if (!isBlank(byte)) refuse(`black and white in digits has the byte ${byte}`);
    }
  };
}

function plainBits(bytes: Uint8Array, head: Head, values: Uint8Array): Yielding<void> {
  const next = bitReader(bytes, head);
  return inPieces(values.length, (start, end) => {
    for (let index = start; index < end; index++) values[index] = next();
  });
}

function rawBits(bytes: Uint8Array, head: Head, values: Uint8Array): Yielding<void> {
  const { width, start: first } = head;
  const rowBytes = Math.ceil(width / 8);
  return inPieces(values.length, (start, end) => {
    for (let index = start; index < end; index++) {
      const column = index % width;
      const byte = bytes[first + Math.floor(index / width) * rowBytes + (column >> 3)]!;
      values[index] = ((byte >> (7 - (column & 7))) & 1) === 1 ? 0 : 255;
    }
  });
}

function* decodeBits(bytes: Uint8Array, head: Head): Yielding<Pixels> {
  const { kind, width, height, start } = head;
  checkReaches(bytes, start + (kind === 1 ? width : Math.ceil(width / 8)) * height);
  const data = new Uint8Array(width * height);
  yield* kind === 1 ? plainBits(bytes, head, data) : rawBits(bytes, head, data);
  return { data, width, height, channels: 1, mode: "indexed" };
}

function* decodeValues(bytes: Uint8Array, head: Head): Yielding<Pixels> {
  const { kind, width, height, largest, start } = head;
  const channels = kind === 3 || kind === 6 ? 3 : 1;
  const isDeep = channels === 1 && largest > 255;
  const count = width * height * channels;
  const isPlain = kind < 4;
  const size = isPlain || largest > 255 ? 2 : 1; // a digit and a blank at least
  checkReaches(bytes, start + count * size - (isPlain ? 1 : 0));
  const values = isDeep ? new Int32Array(count) : new Uint8Array(count);
  yield* isPlain ? plainValues(bytes, head, values) : rawValues(bytes, head, values);
  const data = new Uint8Array(values.buffer);
  return { data, width, height, channels, ...(isDeep ? { mode: "I" } : {}) };
}

/**
 * Decodes PBM, PGM or PPM, in digits or bytes, as Pillow does: values are scaled to 255, those of grey
 * above 255 to 65535 (mode I).
 * @throws ClipError "bad-data" for what Pillow refuses: a broken head, values missing or too large.
 */
export function decodePpm(bytes: Uint8Array): Yielding<Pixels> {
  const head = readHead(bytes);
  const areBits = head.kind === 1 || head.kind === 4;
  return areBits ? decodeBits(bytes, head) : decodeValues(bytes, head);
}
