/** The generator polynomial of ZIP's checksum, its bits reversed (ISO 3309; PKWARE APPNOTE 4.4.7). */
const polynomial = 0xedb88320;

/** What each byte does to the remainder. */
const table: Uint32Array = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) {
    remainder = (remainder & 1) === 1 ? (remainder >>> 1) ^ polynomial : remainder >>> 1;
  }
  return remainder;
});

/** The checksum of these parts, read one after another, as ZIP archives keep it: 32 bits, unsigned. */
export function crc32(...parts: readonly Uint8Array[]): number {
  let remainder = 0xffff_ffff;
  for (const part of parts) {
    for (const byte of part) {
      remainder = (remainder >>> 8) ^ (table[(remainder ^ byte) & 0xff] ?? 0);
    }
  }
  return (remainder ^ 0xffff_ffff) >>> 0;
}
