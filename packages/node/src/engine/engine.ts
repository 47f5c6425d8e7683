import type { Target, TrainingProgram, TrainingSpec } from "@clip-ts/jit";

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

/** What an engine that compiles offers; the others run operations as they come. */
export interface Compiler {
  /** Makes traced graphs runnable. */
  readonly target: Target;
  /** Makes a training step with its state. */
  readonly compileTraining: (spec: TrainingSpec) => Promise<TrainingProgram>;
}

/** The engine that runs from now on. */
export interface StartedEngine {
  readonly name: EngineName;
  /** Version and kind. */
  readonly detail: string;
  /** Why this one: asked for, or what the faster ones lack. */
  readonly reason: string;
  readonly compiler?: Compiler;
}
