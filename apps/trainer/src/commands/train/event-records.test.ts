import { expect, test } from "vitest";
import { crc32c, scalarRecord, versionRecord } from "./event-file.ts";

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** What tensorboard 2.21's RecordWriter writes for the events below. */
const expected = {
  version: "1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c",
  scalars:
    "3800000000000000a3797d5709000000000000024010ac022a2a0a110a0a747261696e2f6c6f7373150000003f0a150a0e747261696e2f6163637572616379150000803fada097eb",
};

test("the checksum is that of the published examples", () => {
  expect(crc32c(ascii("123456789"))).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa); // RFC 3720, B.4
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
  expect(crc32c(new Uint8Array(0))).toBe(0);
});

test("records are byte for byte those of TensorBoard's own writer", () => {
  expect(hex(versionRecord(1.5))).toBe(expected.version);
  const event = { wallTime: 2.25, step: 300, scalars: { "train/loss": 0.5, "train/accuracy": 1 } };
  expect(hex(scalarRecord(event))).toBe(expected.scalars);
});
