export {
  engineNames,
  refuseMissingEngine,
  type Compiler,
  type Device,
  type EngineName,
  type EngineOptions,
  type EngineStatus,
  type Slowdown,
  type StartedEngine,
} from "./engine.ts";
export { checkEngine, inspectEngine, inspectEngines, tryEngine, tryEngines, type EngineCheck } from "./inspect.ts";
export { graphOpener } from "./onnx.ts";
export { startEngine, type StartOptions } from "./start.ts";
export type { SetupOptions } from "./setup/setup-options.ts";
export { setupTensorflow } from "./setup/setup-tensorflow.ts";
