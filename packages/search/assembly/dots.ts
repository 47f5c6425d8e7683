// Dot products of one query and rows, four rows at a time so that each value of the query is read once for four, in
// AssemblyScript: `pnpm build:wasm` compiles this file to src/generated/dots-wasm.ts, which src/flat/dots-wasm.ts runs.
//
// A row's sum is made in the same order whichever rows lie beside it: rows that are the same get the same score. Sums
// go to `target` as f64, one for each row.

// @ts-ignore
@inline
function floatSum(lanes: v128, query: usize, row: usize, at: i32, dim: i32): f64 {
  let sum =
    <f64>f32x4.extract_lane(lanes, 0) +
    <f64>f32x4.extract_lane(lanes, 1) +
    (<f64>f32x4.extract_lane(lanes, 2) + <f64>f32x4.extract_lane(lanes, 3));
  for (; at < dim; at++) {
    sum += <f64>load<f32>(query + (<usize>at << 2)) * <f64>load<f32>(row + (<usize>at << 2));
  }
  return sum;
}

// @ts-ignore
@inline
function byteSum(lanes: v128, query: usize, row: usize, at: i32, dim: i32): f64 {
  let sum =
    i32x4.extract_lane(lanes, 0) +
    i32x4.extract_lane(lanes, 1) +
    (i32x4.extract_lane(lanes, 2) + i32x4.extract_lane(lanes, 3));
  for (; at < dim; at++) sum += <i32>load<i16>(query + (<usize>at << 1)) * <i32>load<i8>(row + <usize>at);
  return <f64>sum;
}

// @ts-ignore
@inline
function addFloats(sums: v128, values: v128, row: usize): v128 {
  return f32x4.add(sums, f32x4.mul(values, v128.load(row)));
}

// @ts-ignore
@inline
function addBytes(sums: v128, values: v128, row: usize): v128 {
  return i32x4.add(sums, i32x4.dot_i16x8_s(values, v128.load8x8_s(row)));
}

/** Rows of f32 and a query of f32: products and sums of four lanes in single precision. */
export function floatDots(query: usize, rows: usize, count: i32, dim: i32, target: usize): void {
  const stride = <usize>dim << 2;
  const whole = dim & ~3;
  for (let row = 0; row < count; row += 4) {
    // Beyond the last row the last is made again.
    const first = rows + <usize>row * stride;
    const second = rows + <usize>min(row + 1, count - 1) * stride;
    const third = rows + <usize>min(row + 2, count - 1) * stride;
    const fourth = rows + <usize>min(row + 3, count - 1) * stride;
    let a = f32x4.splat(0);
    let b = f32x4.splat(0);
    let c = f32x4.splat(0);
    let d = f32x4.splat(0);
    for (let at = 0; at < whole; at += 4) {
      const offset = <usize>at << 2;
      const values = v128.load(query + offset);
      a = addFloats(a, values, first + offset);
      b = addFloats(b, values, second + offset);
      c = addFloats(c, values, third + offset);
      d = addFloats(d, values, fourth + offset);
    }
    const to = target + (<usize>row << 3);
    store<f64>(to, floatSum(a, query, first, whole, dim));
    store<f64>(to, floatSum(b, query, second, whole, dim), 8);
    store<f64>(to, floatSum(c, query, third, whole, dim), 16);
    store<f64>(to, floatSum(d, query, fourth, whole, dim), 24);
  }
}

/** Rows of bytes and a query of 16 bits: whole numbers without a rounding, whose sum fits 32 bits. */
export function byteDots(query: usize, rows: usize, count: i32, dim: i32, target: usize): void {
  const stride = <usize>dim;
  const whole = dim & ~7;
  for (let row = 0; row < count; row += 4) {
    const first = rows + <usize>row * stride;
    const second = rows + <usize>min(row + 1, count - 1) * stride;
    const third = rows + <usize>min(row + 2, count - 1) * stride;
    const fourth = rows + <usize>min(row + 3, count - 1) * stride;
    let a = i32x4.splat(0);
    let b = i32x4.splat(0);
    let c = i32x4.splat(0);
    let d = i32x4.splat(0);
    for (let at = 0; at < whole; at += 8) {
      const offset = <usize>at;
      const values = v128.load(query + (offset << 1));
      a = addBytes(a, values, first + offset);
      b = addBytes(b, values, second + offset);
      c = addBytes(c, values, third + offset);
      d = addBytes(d, values, fourth + offset);
    }
    const to = target + (<usize>row << 3);
    store<f64>(to, byteSum(a, query, first, whole, dim));
    store<f64>(to, byteSum(b, query, second, whole, dim), 8);
    store<f64>(to, byteSum(c, query, third, whole, dim), 16);
    store<f64>(to, byteSum(d, query, fourth, whole, dim), 24);
  }
}
