import { ClipError } from "@clip-ts/base";
import { tensor, type Tensor } from "@tensorflow/tfjs-core";

/** One expected axis: a length, or a name for a length that may vary. */
export type Axis = number | string;

/**
 * Checks a tensor where it enters a public function, and nowhere else.
 * @throws ClipError "bad-shape" that names the tensor, the axes expected and the shape that came.
 */
export function assertShape(x: Tensor, axes: readonly Axis[], label: string): void {
  const fits =
    x.shape.length === axes.length && axes.every((axis, index) => typeof axis === "string" || axis === x.shape[index]);
  if (fits) return;
  throw new ClipError("bad-shape", `${label}: expected [${axes.join(", ")}], got [${x.shape.join(", ")}].`, {
    data: { label, expected: axes, actual: x.shape },
  });
}

/** The length of an axis; negative axes count from the end. */
export function axisLength(x: Tensor, axis: number): number {
  return x.shape[axis < 0 ? x.rank + axis : axis] ?? 0;
}

/**
 * Numbers in the host's memory, row by row. A Uint8Array holds truth values; whole numbers from 0 to 255, such as
 * pixels, are a Uint8ClampedArray.
 */
export interface HostArray {
  readonly data: Float32Array | Int32Array | Uint8Array | Uint8ClampedArray;
  readonly shape: readonly number[];
}

/** Arrays by name: the form in which weights are read, kept and written, whatever engine runs. */
export type HostArrays = Readonly<Record<string, HostArray>>;

/** Element types of arrays, as graphs call them; tfjs has all but `uint8`. */
export type HostDtype = "float32" | "int32" | "bool" | "uint8";

/** The element type of an array. */
export function dtypeOf({ data }: Pick<HostArray, "data">): HostDtype {
  if (data instanceof Float32Array) return "float32";
  if (data instanceof Int32Array) return "int32";
  return data instanceof Uint8ClampedArray ? "uint8" : "bool";
}

/** The array as a tensor of the running engine, which the caller owns. Of whole numbers to 255: one of float32. */
export function toTensor(array: HostArray): Tensor {
  const { data } = array;
  const dtype = dtypeOf(array);
  return dtype === "uint8"
    ? tensor(Float32Array.from(data), [...array.shape], "float32")
    : tensor(data as Exclude<HostArray["data"], Uint8ClampedArray>, [...array.shape], dtype);
}

/** A tensor's numbers on the host. Borrows the tensor. On tfjs's cpu engine they are the tensor's own. */
export async function toHost(x: Tensor): Promise<HostArray> {
  return { data: await x.data<"float32" | "int32" | "bool">(), shape: [...x.shape] };
}

/** Feature rows on the host: row-major [rows, dim]. */
export interface FeatureRows {
  readonly values: Float32Array;
  readonly rows: number;
  readonly dim: number;
}

function dot(a: FeatureRows, row: number, b: FeatureRows, other: number): number {
  let sum = 0;
  for (let index = 0; index < a.dim; index++) {
    sum += (a.values[row * a.dim + index] as number) * (b.values[other * a.dim + index] as number);
  }
  return sum;
}

/** Scores of one query against every candidate. */
export function scoresOf(queries: FeatureRows, row: number, candidates: FeatureRows): Float32Array {
  const scores = new Float32Array(candidates.rows);
  for (let other = 0; other < candidates.rows; other++) {
    scores[other] = dot(queries, row, candidates, other);
  }
  return scores;
}
