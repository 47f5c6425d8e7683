// The addresses of the engines' files, which Vite puts beside the page.
// oxlint-disable no-restricted-imports
import plain from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url";
import simd from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url";
// oxlint-enable no-restricted-imports
import cpuScript from "onnxruntime-web/ort-wasm-simd-threaded.mjs?url";
import cpu from "onnxruntime-web/ort-wasm-simd-threaded.wasm?url";
import gpuScript from "onnxruntime-web/ort-wasm-simd-threaded.asyncify.mjs?url";
import gpu from "onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url";
import type { EngineOptions } from "@clip-ts/web";

/** Where `openClip` finds its engines' files: all on the page's own server. */
export const engineFiles: Pick<EngineOptions, "onnxPaths" | "wasmPaths"> = {
  onnxPaths: {
    "ort-wasm-simd-threaded.mjs": cpuScript,
    "ort-wasm-simd-threaded.wasm": cpu,
    "ort-wasm-simd-threaded.asyncify.mjs": gpuScript,
    "ort-wasm-simd-threaded.asyncify.wasm": gpu,
  },
  wasmPaths: { "tfjs-backend-wasm.wasm": plain, "tfjs-backend-wasm-simd.wasm": simd },
};
