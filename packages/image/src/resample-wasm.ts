import { resampleWasm } from "./generated/resample-wasm.ts";

type Pass = (...numbers: number[]) => void;

/** What assembly/resample.ts exports. */
interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  /** (source, sourceStride, target, rows, table, recordBytes, size) */
  readonly acrossGrey: Pass;
  readonly acrossRgb: Pass;
  readonly acrossFour: Pass;
  /** (source, rowBytes, firstRow, target, table, recordBytes, size) */
  readonly down: Pass;
}

/** What of WebAssembly is used; it is not part of the language, so it may be missing. */
interface Runtime {
  readonly atob?: (base64: string) => string;
  readonly WebAssembly?: {
    readonly Module: new (bytes: Uint8Array) => object;
    readonly Instance: new (module: object) => { readonly exports: unknown };
  };
}

const pageBytes = 2 ** 16;

/** This thread's passes in WebAssembly and their memory, which grows to 8 MB at most. */
export class WasmResampler {
  readonly passes: Exports;
  /** The records that lie at the start of the memory. */
  #records: Int32Array | undefined;

  constructor(passes: Exports) {
    this.passes = passes;
  }

  /** Whether the memory holds so many bytes, or could be made to. */
  reserve(bytes: number): boolean {
    const { memory } = this.passes;
    const missing = bytes - memory.buffer.byteLength;
    if (missing <= 0) return true;
    try {
      memory.grow(Math.ceil(missing / pageBytes));
      return true;
    } catch {
      return false; // The same bytes come from JavaScript, only later.
    }
  }

  /** The memory with the records at its start. Whatever else runs on this thread may change it. */
  withRecords(records: Int32Array): Uint8Array {
    const { buffer } = this.passes.memory;
    if (records !== this.#records) new Int32Array(buffer, 0, records.length).set(records);
    this.#records = records;
    return new Uint8Array(buffer);
  }
}

let known: { readonly resampler: WasmResampler | undefined } | undefined;

/**
 * This thread's resampler, made when first asked for. Undefined where WebAssembly or its SIMD is
 * missing, or a page's security policy forbids it. The module is so small (below 4 kB) that every
 * browser compiles it at once on the main thread too.
 */
export function wasmResampler(): WasmResampler | undefined {
  known ??= { resampler: instantiate() };
  return known.resampler;
}

function instantiate(): WasmResampler | undefined {
  const { atob, WebAssembly } = globalThis as unknown as Runtime;
  if (atob === undefined || WebAssembly === undefined) return undefined;
  const bytes = Uint8Array.from(atob(resampleWasm), (character) => character.charCodeAt(0));
  try {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
    return new WasmResampler(exports as Exports);
  } catch {
    return undefined; // No SIMD, or not allowed: the same bytes come from JavaScript.
  }
}
