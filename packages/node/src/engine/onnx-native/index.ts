import { isClipError } from "@clip-ts/base";
import type { Target } from "@clip-ts/jit";
import { compileNative } from "./compile.ts";
import { onnxEnvironment } from "./environment.ts";
import { findOnnxLibrary } from "./find-library.ts";

/** ONNX Runtime called without its JavaScript binding, or the reason why it cannot be. */
export type NativeOnnx = { readonly target: Target } | { readonly refusal: string };

/**
 * Runs graphs by ONNX Runtime's C interface: no result is copied and JavaScript goes on meanwhile.
 * Where the library or the package that calls it cannot be loaded, says so.
 */
export function openNativeOnnx(threads: number): NativeOnnx {
  try {
    const path = findOnnxLibrary();
    if (path === undefined)
      return { refusal: "onnxruntime-node carries no library for this system" };
    const environment = onnxEnvironment(path, threads);
    return {
      target: (graph, { isShort = false } = {}) =>
        compileNative(
          graph,
          environment,
          isShort ? { threads: 1, lanes: threads } : { threads, lanes: 1 },
        ),
    };
  } catch (error) {
    if (isClipError(error)) return { refusal: error.message };
    return {
      refusal: error instanceof Error ? (error.message.split("\n")[0] as string) : String(error),
    };
  }
}
