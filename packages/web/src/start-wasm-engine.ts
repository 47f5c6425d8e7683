import { ClipError } from "@clip-ts/base";
import { repairWasmBackend } from "@clip-ts/core/wasm";
import type * as WasmBackend from "@tensorflow/tfjs-backend-wasm";
import { env, getBackend, ready, setBackend } from "@tensorflow/tfjs-core";

/** The files of @tensorflow/tfjs-backend-wasm, of which the browser loads the one that suits it. */
export type WasmFile =
  | "tfjs-backend-wasm.wasm"
  | "tfjs-backend-wasm-simd.wasm"
  | "tfjs-backend-wasm-threaded-simd.wasm";

/** Settings of the WebAssembly engine. */
export interface WasmEngineOptions {
  /**
   * Where the `.wasm` files are: the address of their folder, ending in "/", or of each file. By
   * default they are looked for beside the script, which a bundler does not put there by itself.
   */
  readonly wasmPaths?: string | Readonly<Record<WasmFile, string>>;
  /** More than one needs a cross-origin isolated page (headers COOP and COEP). Default 1. */
  readonly threads?: number;
}

/** The engine that runs. */
export interface WasmEngine {
  readonly name: "wasm";
  /** Whether the browser has 128-bit vector instructions; without them all is several times slower. */
  readonly simd: boolean;
  readonly threads: number;
}

const unavailable = (message: string, cause?: unknown): ClipError =>
  new ClipError("engine-unavailable", message, { cause });

function useThreads(wasm: typeof WasmBackend, threads: number): void {
  env().set("WASM_HAS_MULTITHREAD_SUPPORT", threads > 1);
  if (threads === 1) return;
  if (!Number.isInteger(threads) || threads < 1) {
    throw new ClipError("bad-argument", `threads must be a whole number from 1, got ${threads}.`);
  }
  if (!globalThis.crossOriginIsolated) {
    throw unavailable(
      `${threads} threads need shared memory, which browsers give to cross-origin isolated pages only. ` +
        'Serve the page with "Cross-Origin-Opener-Policy: same-origin" and ' +
        '"Cross-Origin-Embedder-Policy: require-corp", or use one thread.',
    );
  }
  wasm.setThreadsCount(threads);
}

async function describeEngine(wasm: typeof WasmBackend): Promise<WasmEngine> {
  const simd = Boolean(await env().getAsync("WASM_HAS_SIMD_SUPPORT"));
  const threaded = Boolean(await env().getAsync("WASM_HAS_MULTITHREAD_SUPPORT"));
  return { name: "wasm", simd, threads: threaded ? wasm.getThreadsCount() : 1 };
}

/**
 * Starts TensorFlow.js on WebAssembly with clip-ts's faster kernels; in a page, a worker or Node. Once
 * it runs, further calls only describe it: threads and files cannot be changed any more.
 * @throws ClipError "engine-unavailable" that says what to do.
 */
export async function startWasmEngine(options: WasmEngineOptions = {}): Promise<WasmEngine> {
  const { wasmPaths, threads = 1 } = options;
  const wasm = await import("@tensorflow/tfjs-backend-wasm");
  if (getBackend() === "wasm") return describeEngine(wasm);
  repairWasmBackend();
  useThreads(wasm, threads);
  if (wasmPaths !== undefined) wasm.setWasmPaths(wasmPaths);
  if (!(await setBackend("wasm"))) {
    throw unavailable(
      "The WebAssembly engine did not start. Serve the .wasm files of @tensorflow/tfjs-backend-wasm " +
        "and give their addresses as wasmPaths.",
    );
  }
  await ready();
  return describeEngine(wasm);
}
