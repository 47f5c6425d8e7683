import { ClipError, isClipError } from "@clip-ts/base";
import { repairWasmBackend } from "@clip-ts/core/wasm";
import "@tensorflow/tfjs"; // registers gradients and the cpu backend
import { enableProdMode, setBackend } from "@tensorflow/tfjs-core";
import {
  engineNames,
  type Compiler,
  type EngineName,
  type EngineStatus,
  type StartedEngine,
} from "./engine.ts";
import { inspectEngine, inspectEngines } from "./inspect.ts";
import { loadOnnx } from "./onnx.ts";
import { tensorflowCompiler } from "./tensorflow-compiler.ts";
import { loadTensorflow } from "./tensorflow.ts";

/** An engine that is loaded: its tfjs backend, and what compiles for it. */
interface Loaded {
  readonly backend: string;
  readonly detail: string;
  readonly compiler?: Compiler;
}

async function loadWasm(): Promise<string> {
  await import("@tensorflow/tfjs-backend-wasm");
  repairWasmBackend();
  return "wasm";
}

/** Registers the backend of an engine and says what it is. */
async function load({ name, detail }: EngineStatus): Promise<Loaded> {
  switch (name) {
    case "tensorflow":
    case "tensorflow-gpu":
      return { backend: "tensorflow", ...loadTensorflow(name), compiler: tensorflowCompiler() };
    case "onnx": // what is not compiled runs beside it
      return { backend: await loadWasm(), detail, compiler: loadOnnx() };
    case "wasm":
      return { backend: await loadWasm(), detail };
    case "cpu":
      return { backend: "cpu", detail };
  }
}

/** Starts one engine and says what it is. @throws ClipError "engine-unavailable" with the reason. */
async function launch(status: EngineStatus): Promise<Omit<Loaded, "backend">> {
  enableProdMode(); // tfjs's own banner and checks; ours stay
  try {
    const { backend, ...loaded } = await load(status);
    if (!(await setBackend(backend))) throw new Error(`the backend "${backend}" does not start`);
    return loaded;
  } catch (cause) {
    if (isClipError(cause)) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ClipError(
      "engine-unavailable",
      `The engine "${status.name}" (${status.detail}) is installed but does not start: ${reason}`,
      { data: { ...status }, cause },
    );
  }
}

async function startNamed(name: string): Promise<StartedEngine> {
  if (!engineNames.includes(name as EngineName)) {
    throw new ClipError(
      "bad-config",
      `There is no engine "${name}". Engines: auto, ${engineNames.join(", ")}.`,
      { data: { name } },
    );
  }
  const status = inspectEngine(name as EngineName);
  if (!status.available) {
    const remedy = status.fix === undefined ? "" : ` To fix it: ${status.fix}.`;
    throw new ClipError(
      "engine-unavailable",
      `The engine "${name}" cannot run here: ${status.detail}.${remedy}`,
      { data: { ...status } },
    );
  }
  return { name: status.name, ...(await launch(status)), reason: "asked for" };
}

/**
 * Starts an engine for the whole process: the one named, or with "auto" the fastest that can run here.
 * @throws ClipError "engine-unavailable" if the one named cannot run, with the way to change that.
 */
export async function startEngine(name: EngineName | "auto" = "auto"): Promise<StartedEngine> {
  if (name !== "auto") return startNamed(name);
  const missing: string[] = [];
  for (const status of inspectEngines()) {
    if (!status.available) {
      missing.push(`${status.name}: ${status.detail}`);
      continue;
    }
    try {
      const loaded = await launch(status);
      const reason = missing.length === 0 ? "the fastest there is" : missing.join("; ");
      return { name: status.name, ...loaded, reason };
    } catch (error) {
      missing.push(`${status.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new ClipError("engine-unavailable", `No engine could be started: ${missing.join("; ")}.`);
}
