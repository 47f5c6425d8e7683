import { countParams } from "@clip-ts/core";
import { clipSpec, type Clip } from "@clip-ts/model";
import { openClip, startWasmEngine, type ImageSource, type WasmFile } from "@clip-ts/web";
// Addresses of files, not modules.
// oxlint-disable no-restricted-imports
import plain from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url";
import simd from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url";
// oxlint-enable no-restricted-imports
import type { ModelInfo, Progress } from "../messages.ts";

const wasmPaths: Record<WasmFile, string> = {
  "tfjs-backend-wasm.wasm": plain,
  "tfjs-backend-wasm-simd.wasm": simd,
};

/** Opens the model of a folder and says what it is. */
export async function openModel(
  modelUrl: string,
  report: (progress: Progress) => void,
): Promise<{ clip: Clip<ImageSource>; info: ModelInfo }> {
  const clip = await openClip(modelUrl, {
    wasmPaths,
    honourExif: true, // people drop photographs and see them upright
    onProgress: ({ loadedBytes, totalBytes = loadedBytes }) =>
      report({ work: "model", done: loadedBytes, total: totalBytes }),
  });
  const { config } = clip;
  const { simd: isFast } = await startWasmEngine();
  const info = {
    engine: isFast ? "WebAssembly SIMD" : "WebAssembly without SIMD",
    parameters: countParams(clipSpec(config)),
    imageSize: config.vision.imageSize,
  };
  return { clip, info };
}
