export { decodeImage, type DecodeOptions, type ImageSource } from "./decode-image.ts";
export type { FetchOptions, FetchProgress } from "./fetch-file.ts";
export { openClip, type OpenClipOptions } from "./open-clip.ts";
export {
  startWasmEngine,
  type WasmEngine,
  type WasmEngineOptions,
  type WasmFile,
} from "./start-wasm-engine.ts";
