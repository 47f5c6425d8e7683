import { expect, test } from "vitest";
import { crc32 } from "./crc32.ts";

test("the checksum is zlib's, for any length and in parts", () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, index) => (index * 7 + (index >> 3)) & 255);
  // Python: zlib.crc32(bytes((i * 7 + (i >> 3)) & 255 for i in range(n)))
  const known = new Map<number, number>([
    [0, 0],
    [1, 3523407757],
    [7, 682627753],
    [8, 754861289],
    [9, 1425916701],
    [15, 2298742049],
    [16, 864383888],
    [100, 1420013350],
    [999, 2786085772],
    [1000, 3548352192],
  ]);
  for (const [length, sum] of known) {
    expect(crc32(bytes.subarray(0, length)), String(length)).toBe(sum);
    for (const cut of [1, 3, 8, 13].filter((at) => at <= length)) {
      expect(crc32(bytes.subarray(cut, length), crc32(bytes.subarray(0, cut)))).toBe(sum);
    }
  }
  expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf43926); // the check value of its catalogue
});
