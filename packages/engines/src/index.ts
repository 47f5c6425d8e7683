export {
  engineNames,
  type Compiler,
  type Device,
  type EngineName,
  type EngineOptions,
  type EngineStatus,
  type Slowdown,
  type StartedEngine,
} from "./engine.ts";
export { checkEngine, type EngineCheck } from "./inspect.ts";
export { inspectEngine, inspectEngines } from "./inspect.ts";
export { refuseMissingEngine } from "./engine.ts";
export { startEngine } from "./start.ts";
export type { SetupOptions } from "./setup/setup-options.ts";
export { setupTensorflow } from "./setup/setup-tensorflow.ts";
export { tryEngine, tryEngines } from "./inspect.ts";
