import { dotsWasm } from "../generated/dots-wasm.ts";

/** (query, rows, count, dim, target), all but count and dim addresses. */
type Dots = (...numbers: number[]) => void;

/** What assembly/dots.ts exports. */
interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly floatDots: Dots;
  readonly byteDots: Dots;
}

/** What of WebAssembly is used; it is not part of the language, so it may be missing. */
interface Runtime {
  readonly atob?: (base64: string) => string;
  readonly WebAssembly?: {
    readonly Module: new (bytes: Uint8Array) => object;
    readonly Instance: new (module: object) => { readonly exports: unknown };
  };
}

// The memory of 10 pages: the query, the sums, the rows that are multiplied at once. All of it stays in a processor's
// cache, so that copying rows there costs little more than reading them.
const sumsAt = 2 ** 16;
const rowsAt = 2 ** 17;
const rowsBytes = 2 ** 19;
/** What the sums have room for, less three that are made beyond the last row. */
const mostRows = (rowsAt - sumsAt) / 8 - 4;

let known: { readonly exports: Exports | undefined } | undefined;

/** This thread's module; undefined where WebAssembly or its SIMD is missing, or a page's policy forbids it. */
function dotsModule(): Exports | undefined {
  if (known !== undefined) return known.exports;
  const { atob, WebAssembly } = globalThis as Runtime;
  try {
    const bytes = atob === undefined ? undefined : Uint8Array.from(atob(dotsWasm), (char) => char.charCodeAt(0));
    const exports =
      WebAssembly === undefined || bytes === undefined
        ? undefined
        : (new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as Exports);
    known = { exports };
  } catch {
    known = { exports: undefined }; // JavaScript computes, only later.
  }
  return known.exports;
}

const bytesOf = (view: Float32Array | Int8Array | Int16Array, start = 0, end: number = view.length): Uint8Array =>
  new Uint8Array(view.buffer, view.byteOffset + start * view.BYTES_PER_ELEMENT, (end - start) * view.BYTES_PER_ELEMENT);

/** What is multiplied: a query of f32 and rows of f32, or one of 16 bits and rows of bytes. */
export type Operands =
  | { readonly query: Float32Array; readonly values: Float32Array }
  | { readonly query: Int16Array; readonly values: Int8Array };

/**
 * Dot products of a query and the rows from `start` on, as many as there are `scores`; false where WebAssembly cannot
 * make them. Of f32 in single precision, of bytes exactly.
 */
export function dotsByWasm({ query, values }: Operands, start: number, scores: Float64Array): boolean {
  const dim = query.length;
  const rowBytes = dim * values.BYTES_PER_ELEMENT;
  const exports = query.byteLength > sumsAt || rowBytes > rowsBytes ? undefined : dotsModule();
  if (exports === undefined) return false;
  const memory = new Uint8Array(exports.memory.buffer);
  const dots = values instanceof Float32Array ? exports.floatDots : exports.byteDots;
  const most = Math.min(mostRows, Math.floor(rowsBytes / rowBytes));
  memory.set(bytesOf(query)); // Another search may have put its own there.
  for (let done = 0; done < scores.length; done += most) {
    const count = Math.min(most, scores.length - done);
    const first = start + done;
    memory.set(bytesOf(values, first * dim, (first + count) * dim), rowsAt);
    dots(0, rowsAt, count, dim, sumsAt);
    scores.set(new Float64Array(exports.memory.buffer, sumsAt, count), done);
  }
  return true;
}
