import type { Target } from "@clip-ts/jit";

/** What runs tensors: TensorFlow, ONNX Runtime on traced graphs, WebAssembly, or plain JavaScript. */
export type EngineName = "tensorflow-gpu" | "tensorflow" | "onnx" | "wasm" | "cpu";

/** Every engine, fastest first: the order of automatic choice. */
export const engineNames: readonly EngineName[] = [
  "tensorflow-gpu",
  "tensorflow",
  "onnx",
  "wasm",
  "cpu",
];

/** Whether an engine can run here, and if not what would change that. */
export interface EngineStatus {
  readonly name: EngineName;
  readonly available: boolean;
  /** Version and kind if available, else what is missing. */
  readonly detail: string;
  /** The command or step that makes it available. */
  readonly fix?: string;
}

/** The engine that runs from now on. */
export interface StartedEngine {
  readonly name: EngineName;
  /** Version and kind. */
  readonly detail: string;
  /** Why this one: asked for, or what the faster ones lack. */
  readonly reason: string;
  /** Makes traced graphs runnable, for engines that compile; the others run operations as they come. */
  readonly target?: Target;
}
