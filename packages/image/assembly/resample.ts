// The two passes of Pillow's resize over bytes (Resample.c), in AssemblyScript: `pnpm build:wasm` compiles
// this file to src/generated/resample-wasm.ts, which src/resample-wasm.ts runs.
//
// A sum is half + Σ byte · weight in 32 bits, then 22 bits to the right, cut to a byte. There is no
// fast product of 32-bit lanes, so a weight w is written as high · 2^16 + low with high and low from
// -2^15 up to 2^15 - 1 (of w ≥ 2^31 - 2^15, high wraps round), and
//   half + Σ byte · w ≡ (Σ byte · high) · 2^16 + half + Σ byte · low  (mod 2^32).
// dot_i16x8_s adds two products of at most 255 · 2^15 each, below 2^31, so without loss; all else is
// mod 2^32, as the sum itself is. The result is thus the same for every weight of 32 bits.
//
// Weights come two taps at a time: high, high, low, low, 16 bits each. What reads beyond a row to fill
// a pair meets weights of 0. A record of a table, `recordBytes` long, holds for one output pixel or
// row: the first source pixel or row, the number of pairs, the weights.

const precisionBits = 22;
/** Bytes of a record before its weights. */
const firstPair: usize = 8;

// @ts-ignore
@inline
function sumOf(high: v128, low: v128): v128 {
  return i32x4.shr_s(i32x4.add(i32x4.shl(high, 16), low), precisionBits);
}

/** Four sums, cut to bytes, one after the other. */
// @ts-ignore
@inline
function cut(sums: v128): i32 {
  const words = i16x8.narrow_i32x4_s(sums, sums);
  return i32x4.extract_lane(i8x16.narrow_i16x8_u(words, words), 0);
}

// @ts-ignore
@inline
function half(): v128 {
  return i32x4.splat(1 << (precisionBits - 1));
}

/** Brings two pixels side by side, channel by channel, as 16-bit lanes. An index of -1 gives 0. */
// @ts-ignore
@inline
function pairOf(from: usize, channels: i32): v128 {
  const bytes = v128.load64_zero(from);
  return channels == 3
    ? i8x16.swizzle(bytes, i8x16(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1))
    : i8x16.swizzle(bytes, i8x16(0, -1, 4, -1, 1, -1, 5, -1, 2, -1, 6, -1, 3, -1, 7, -1));
}

/** A pixel of channels side by side, nothing beyond it. */
// @ts-ignore
@inline
function storePixel(target: usize, pixel: i32, channels: i32): void {
  if (channels == 4) {
    store<i32>(target, pixel);
  } else {
    store<i16>(target, <i16>pixel);
    store<i8>(target, <i8>(pixel >> 16), 2);
  }
}

/** Two rows at a time share the weights; a last one by itself is made twice. */
// @ts-ignore
@inline
function acrossPixels(
  source: usize,
  sourceStride: usize,
  target: usize,
  rows: i32,
  table: usize,
  recordBytes: usize,
  size: i32,
  channels: i32,
): void {
  const end = table + <usize>size * recordBytes;
  const targetStride = <usize>(size * channels);
  for (let row = 0; row < rows; row += 2) {
    const isPair = row + 1 < rows;
    const below = isPair ? sourceStride : 0;
    const targetBelow = isPair ? targetStride : 0;
    let to = target;
    for (let record = table; record < end; record += recordBytes) {
      let from = source + <usize>(load<i32>(record) * channels);
      let weights = record + firstPair;
      const last = weights + (<usize>load<i32>(record, 4) << 3);
      let high0 = i32x4.splat(0);
      let high1 = i32x4.splat(0);
      let low0 = half();
      let low1 = half();
      for (; weights < last; weights += 8) {
        const upper = pairOf(from, channels);
        const lower = pairOf(from + below, channels);
        const highs = v128.load32_splat(weights);
        const lows = v128.load32_splat(weights, 4);
        high0 = i32x4.add(high0, i32x4.dot_i16x8_s(upper, highs));
        low0 = i32x4.add(low0, i32x4.dot_i16x8_s(upper, lows));
        high1 = i32x4.add(high1, i32x4.dot_i16x8_s(lower, highs));
        low1 = i32x4.add(low1, i32x4.dot_i16x8_s(lower, lows));
        from += 2 * channels;
      }
      storePixel(to, cut(sumOf(high0, low0)), channels);
      storePixel(to + targetBelow, cut(sumOf(high1, low1)), channels);
      to += channels;
    }
    source += 2 * sourceStride;
    target += 2 * targetStride;
  }
}

/** Rows of three channels. */
export function acrossRgb(
  source: usize,
  sourceStride: usize,
  target: usize,
  rows: i32,
  table: usize,
  recordBytes: usize,
  size: i32,
): void {
  acrossPixels(source, sourceStride, target, rows, table, recordBytes, size, 3);
}

/** Rows of four channels. */
export function acrossFour(
  source: usize,
  sourceStride: usize,
  target: usize,
  rows: i32,
  table: usize,
  recordBytes: usize,
  size: i32,
): void {
  acrossPixels(source, sourceStride, target, rows, table, recordBytes, size, 4);
}

/** Rows of one channel: four taps at a time, the lanes' sums being high, low, high, low. */
export function acrossGrey(
  source: usize,
  sourceStride: usize,
  target: usize,
  rows: i32,
  table: usize,
  recordBytes: usize,
  size: i32,
): void {
  const end = table + <usize>size * recordBytes;
  for (let row = 0; row < rows; row++) {
    for (let record = table; record < end; record += recordBytes) {
      let from = source + <usize>load<i32>(record);
      let weights = record + firstPair;
      const last = weights + (<usize>load<i32>(record, 4) << 3);
      let sums = i32x4.splat(0);
      for (; weights < last; weights += 16) {
        const taps = i8x16.swizzle(
          v128.load32_zero(from),
          i8x16(0, -1, 1, -1, 0, -1, 1, -1, 2, -1, 3, -1, 2, -1, 3, -1),
        );
        sums = i32x4.add(sums, i32x4.dot_i16x8_s(taps, v128.load(weights)));
        from += 4;
      }
      const high = i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 2);
      const low = i32x4.extract_lane(sums, 1) + i32x4.extract_lane(sums, 3);
      const sum = ((high << 16) + low + (1 << (precisionBits - 1))) >> precisionBits;
      store<u8>(target++, max(0, min(255, sum)));
    }
    source += sourceStride;
  }
}

/**
 * Makes `size` rows of `rowBytes` each out of rows whose first is row `firstRow` of the table's. Reads
 * and writes up to 15 bytes beyond the last row.
 */
export function down(
  source: usize,
  rowBytes: usize,
  firstRow: i32,
  target: usize,
  table: usize,
  recordBytes: usize,
  size: i32,
): void {
  const end = table + <usize>size * recordBytes;
  for (let record = table; record < end; record += recordBytes) {
    const top = source + <usize>(load<i32>(record) - firstRow) * rowBytes;
    const first = record + firstPair;
    const last = first + (<usize>load<i32>(record, 4) << 3);
    for (let byte: usize = 0; byte < rowBytes; byte += 16) {
      let from = top + byte;
      let high0 = i32x4.splat(0);
      let high1 = i32x4.splat(0);
      let high2 = i32x4.splat(0);
      let high3 = i32x4.splat(0);
      let low0 = half();
      let low1 = half();
      let low2 = half();
      let low3 = half();
      for (let weights = first; weights < last; weights += 8) {
        const upper = v128.load(from);
        const lower = v128.load(from + rowBytes);
        const highs = v128.load32_splat(weights);
        const lows = v128.load32_splat(weights, 4);
        const left = i8x16.shuffle(upper, lower, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
        const right = i8x16.shuffle(upper, lower, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        let pair = i16x8.extend_low_i8x16_u(left);
        high0 = i32x4.add(high0, i32x4.dot_i16x8_s(pair, highs));
        low0 = i32x4.add(low0, i32x4.dot_i16x8_s(pair, lows));
        pair = i16x8.extend_high_i8x16_u(left);
        high1 = i32x4.add(high1, i32x4.dot_i16x8_s(pair, highs));
        low1 = i32x4.add(low1, i32x4.dot_i16x8_s(pair, lows));
        pair = i16x8.extend_low_i8x16_u(right);
        high2 = i32x4.add(high2, i32x4.dot_i16x8_s(pair, highs));
        low2 = i32x4.add(low2, i32x4.dot_i16x8_s(pair, lows));
        pair = i16x8.extend_high_i8x16_u(right);
        high3 = i32x4.add(high3, i32x4.dot_i16x8_s(pair, highs));
        low3 = i32x4.add(low3, i32x4.dot_i16x8_s(pair, lows));
        from += 2 * rowBytes;
      }
      const left = i16x8.narrow_i32x4_s(sumOf(high0, low0), sumOf(high1, low1));
      const right = i16x8.narrow_i32x4_s(sumOf(high2, low2), sumOf(high3, low3));
      // What a row's last block writes beyond it, the next row is written over.
      v128.store(target + byte, i8x16.narrow_i16x8_u(left, right));
    }
    target += rowBytes;
  }
}
