// The primitives once more, as plain loops in float64: written to be obviously right, not fast.

type Numbers = ArrayLike<number>;

const at = (values: Numbers, index: number): number => values[index] as number;

/** Σ a[row, k] · b[k, column]. a [rows, inner], b [inner, columns] → [rows, columns]. */
export function matMul(
  a: Numbers,
  b: Numbers,
  sizes: { readonly rows: number; readonly inner: number; readonly columns: number },
): Float64Array {
  const { rows, inner, columns } = sizes;
  const out = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      for (let k = 0; k < inner; k++) {
        out[row * columns + column]! += at(a, row * inner + k) * at(b, k * columns + column);
      }
    }
  }
  return out;
}

/** Swaps the axes of a matrix [rows, columns]. */
export function transpose(x: Numbers, rows: number, columns: number): Float64Array {
  return Float64Array.from({ length: rows * columns }, (_, index) =>
    at(x, (index % rows) * columns + Math.floor(index / rows)),
  );
}

/** x · weightᵀ + bias. x [rows, in], weight [out, in], bias [out] → [rows, out]. */
export function linear(
  x: Numbers,
  params: { readonly weight: Numbers; readonly bias?: Numbers },
  sizes: { readonly rows: number; readonly inputs: number; readonly outputs: number },
): Float64Array {
  const { rows, inputs, outputs } = sizes;
  const weight = transpose(params.weight, outputs, inputs);
  const y = matMul(x, weight, { rows, inner: inputs, columns: outputs });
  return y.map((value, index) => value + (params.bias?.[index % outputs] ?? 0));
}

/** The rows of a matrix, each mapped to a row. */
function mapRows(x: Numbers, dim: number, map: (row: number[]) => number[]): Float64Array {
  const values = Array.from(x);
  const rows = Array.from({ length: values.length / dim }, (_, row) => map(values.slice(row * dim, (row + 1) * dim)));
  return Float64Array.from(rows.flat());
}

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
const average = (values: readonly number[]): number => total(values) / values.length;
const variance = (values: readonly number[]): number => average(values.map((value) => (value - average(values)) ** 2));

/** (x - mean) / √(variance + eps) · weight + bias of each row of `dim`. */
export function layerNorm(
  x: Numbers,
  params: { readonly weight: Numbers; readonly bias: Numbers },
  eps: number,
): Float64Array {
  return mapRows(x, params.weight.length, (row) => {
    const [center, spread] = [average(row), Math.sqrt(variance(row) + eps)];
    return row.map((value, index) => ((value - center) / spread) * at(params.weight, index) + at(params.bias, index));
  });
}

/** Mean and population variance of each channel. x [rows, channels]. */
export function channelStatistics(
  x: Numbers,
  channels: number,
): { readonly mean: number[]; readonly variance: number[] } {
  const columns = Array.from({ length: channels }, (_, channel) =>
    Array.from(x).filter((_value, index) => index % channels === channel),
  );
  return { mean: columns.map(average), variance: columns.map(variance) };
}

/** Rows divided by their length. */
export function l2Normalize(x: Numbers, dim: number): Float64Array {
  return mapRows(x, dim, (row) => row.map((value) => value / Math.hypot(...row)));
}

/** exp(x) / Σ exp(x) of each row. */
export function softmax(x: Numbers, dim: number): Float64Array {
  return mapRows(x, dim, (row) => {
    const weights = row.map((value) => Math.exp(value - Math.max(...row)));
    return weights.map((weight) => weight / total(weights));
  });
}

/** softmax(q · kᵀ / √dim + mask) · v for one head. q, k, v [tokens, dim], mask [tokens, tokens]. */
export function attention(
  inputs: { readonly q: Numbers; readonly k: Numbers; readonly v: Numbers },
  sizes: { readonly tokens: number; readonly dim: number },
  mask?: Numbers,
): Float64Array {
  const { tokens, dim } = sizes;
  const keys = transpose(inputs.k, tokens, dim);
  const scores = matMul(inputs.q, keys, { rows: tokens, inner: dim, columns: tokens });
  const masked = scores.map((score, index) => score / Math.sqrt(dim) + (mask?.[index] ?? 0));
  const weights = softmax(masked, tokens);
  return matMul(weights, inputs.v, { rows: tokens, inner: tokens, columns: dim });
}

/**
 * Error function by erf(x) = 2/√π · exp(-x²) · Σ 2ⁿ x²ⁿ⁺¹ / (2n+1)!! (NIST DLMF 7.6.2): every term has
 * one sign, so nothing cancels.
 */
export function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let [term, sum] = [x, x];
  for (let n = 1; Math.abs(term) > 1e-18; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** Activations under Hugging Face's names. */
export const activations = {
  relu: (x: number): number => Math.max(0, x),
  quick_gelu: (x: number): number => x / (1 + Math.exp(-1.702 * x)),
  silu: (x: number): number => x / (1 + Math.exp(-x)),
  gelu: (x: number): number => (x / 2) * (1 + erf(x / Math.SQRT2)),
  gelu_pytorch_tanh: (x: number): number => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
} as const;

/**
 * Cross-correlation with zero padding. x [batch, side, side, in], weight [out, in, kernel, kernel]
 * → [batch, outSide, outSide, out].
 */
export function conv2d(
  x: Numbers,
  weight: Numbers,
  sizes: {
    readonly batch: number;
    readonly side: number;
    readonly inputs: number;
    readonly outputs: number;
    readonly kernel: number;
    readonly stride: number;
    readonly padding: number;
  },
): Float64Array {
  const { batch, side, inputs, outputs, kernel, stride, padding } = sizes;
  const outSide = Math.floor((side + 2 * padding - kernel) / stride) + 1;
  const pixel = (image: number, row: number, column: number, channel: number): number => {
    const outside = row < 0 || column < 0 || row >= side || column >= side;
    return outside ? 0 : at(x, ((image * side + row) * side + column) * inputs + channel);
  };
  return Float64Array.from({ length: batch * outSide * outSide * outputs }, (_, index) => {
    const output = index % outputs;
    const column = Math.floor(index / outputs) % outSide;
    const row = Math.floor(index / (outputs * outSide)) % outSide;
    const image = Math.floor(index / (outputs * outSide * outSide));
    let sum = 0;
    for (let tap = 0; tap < inputs * kernel * kernel; tap++) {
      const [down, right] = [Math.floor(tap / kernel) % kernel, tap % kernel];
      const channel = Math.floor(tap / (kernel * kernel));
      const y = row * stride + down - padding;
      const seen = pixel(image, y, column * stride + right - padding, channel);
      sum += seen * at(weight, output * inputs * kernel * kernel + tap);
    }
    return sum;
  });
}
