import { ClipError } from "@clip-ts/base";

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Reads numbers and texts of a pickle in order, and never beyond its end. */
export class ByteReader {
  private position = 0;
  private readonly bytes: Uint8Array;
  private readonly view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The next `length` bytes, as a view. */
  take(length: number): Uint8Array {
    return this.bytes.subarray(this.advance(length), this.position);
  }

  byte(): number {
    return this.view.getUint8(this.advance(1));
  }

  uint16(): number {
    return this.view.getUint16(this.advance(2), true);
  }

  int32(): number {
    return this.view.getInt32(this.advance(4), true);
  }

  uint32(): number {
    return this.view.getUint32(this.advance(4), true);
  }

  uint64(): number {
    return Number(this.view.getBigUint64(this.advance(8), true));
  }

  /** Pickles keep floats with the highest byte first. */
  float64(): number {
    return this.view.getFloat64(this.advance(8), false);
  }

  text(length: number): string {
    return utf8.decode(this.take(length));
  }

  /** Up to the end of the line, which is skipped. */
  line(): string {
    const end = this.bytes.indexOf(0x0a, this.position);
    const text = this.text((end === -1 ? this.bytes.byteLength : end) - this.position);
    this.advance(1);
    return text;
  }

  /** A whole number of `length` bytes, lowest first, two's complement. */
  integer(length: number): number | bigint {
    let value = 0n;
    for (const byte of this.take(length).toReversed()) value = (value << 8n) | BigInt(byte);
    const signed = BigInt.asIntN(length * 8, value);
    const number = Number(signed);
    return Number.isSafeInteger(number) ? number : signed;
  }

  private advance(length: number): number {
    const start = this.position;
    if (start + length > this.bytes.byteLength) {
      throw new ClipError("bad-weights", "the pickle is cut short.");
    }
    this.position = start + length;
    return start;
  }
}
