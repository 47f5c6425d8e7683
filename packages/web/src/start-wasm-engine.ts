import { ClipError } from "@clip-ts/base";
import { repairWasmBackend } from "@clip-ts/core/wasm";
import { env, getBackend, ready, setBackend } from "@tensorflow/tfjs-core";

/** The files of @tensorflow/tfjs-backend-wasm, of which the browser loads the one that suits it. */
export type WasmFile = "tfjs-backend-wasm.wasm" | "tfjs-backend-wasm-simd.wasm";

/** A third file, never loaded, whose address the backend wants to know all the same. */
const threadedFile = "tfjs-backend-wasm-threaded-simd.wasm";

/** Settings of the WebAssembly engine. */
export interface WasmEngineOptions {
  /**
   * Where the `.wasm` files are: the address of their folder, ending in "/", or of each file. By
   * default they are looked for beside the script, which a bundler does not put there by itself.
   */
  readonly wasmPaths?: string | Readonly<Record<WasmFile, string>>;
}

/** The engine that runs. */
export interface WasmEngine {
  readonly name: "wasm";
  /** Whether the browser has 128-bit vector instructions; without them all is several times slower. */
  readonly simd: boolean;
}

async function describeEngine(): Promise<WasmEngine> {
  return { name: "wasm", simd: Boolean(await env().getAsync("WASM_HAS_SIMD_SUPPORT")) };
}

/**
 * Starts TensorFlow.js on WebAssembly with clip-ts's faster kernels; in a page, a worker or Node. Once
 * it runs, further calls only describe it. It uses one thread.
 * @throws ClipError "engine-unavailable" that says what to do.
 */
export async function startWasmEngine(options: WasmEngineOptions = {}): Promise<WasmEngine> {
  const { wasmPaths } = options;
  const { setWasmPaths } = await import("@tensorflow/tfjs-backend-wasm");
  if (getBackend() === "wasm") return describeEngine();
  repairWasmBackend();
  // Its threads start from the text of a function, which bundlers change so that it fails.
  env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  if (typeof wasmPaths === "string") setWasmPaths(wasmPaths);
  else if (wasmPaths !== undefined) setWasmPaths({ ...wasmPaths, [threadedFile]: "" });
  if (!(await setBackend("wasm"))) {
    throw new ClipError(
      "engine-unavailable",
      "The WebAssembly engine did not start. Serve the .wasm files of @tensorflow/tfjs-backend-wasm " +
        "and give their addresses as wasmPaths.",
    );
  }
  await ready();
  return describeEngine();
}
