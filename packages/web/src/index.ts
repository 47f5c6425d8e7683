export { decodeImage, type DecodeOptions, type ImageSource } from "./decode-image.ts";
export { startEngine, type EngineName, type EngineOptions, type StartedEngine, type WasmFile } from "./engine.ts";
export type { FetchOptions, FetchProgress } from "./fetch.ts";
export type { HubOptions } from "./hub-files.ts";
export type { FileCache, KeepOptions } from "./kept-files.ts";
export type { OnnxEngineOptions, OnnxFile } from "./onnx-engine.ts";
export { openClip, type OpenClipOptions } from "./open-clip.ts";
