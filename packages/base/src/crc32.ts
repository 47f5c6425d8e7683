/** The generator polynomial, its bits reversed (ISO 3309; PNG, annex D; PKWARE APPNOTE 4.4.7). */
const polynomial = 0xedb88320;

/** What each byte does to the remainder. */
const table: Uint32Array = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) {
    remainder = (remainder & 1) === 1 ? (remainder >>> 1) ^ polynomial : remainder >>> 1;
  }
  return remainder;
});

/**
 * The checksum that PNG chunks and ZIP archives keep, 32 bits, unsigned, of bytes that follow others, whose
 * checksum is `before`: 0 if there are none.
 */
export function crc32(bytes: Uint8Array, before = 0): number {
  let remainder = ~before;
  for (const byte of bytes) {
    remainder = (remainder >>> 8) ^ (table[(remainder ^ byte) & 0xff] ?? 0);
  }
  return ~remainder >>> 0;
}
