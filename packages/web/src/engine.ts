import { ClipError } from "@clip-ts/base";
import { repairWasmBackend } from "@clip-ts/core/wasm";
import type { WeightsDtype } from "@clip-ts/onnx";
import { env, getBackend, ready, setBackend } from "@tensorflow/tfjs-core";
import { isIsolated, loadOnnx, loadOnnxOnGpu, type OnnxEngineOptions, type WebCompiler } from "./onnx-engine.ts";

/**
 * What runs a model: ONNX Runtime on traced graphs, on WebGPU or on WebAssembly; TensorFlow.js on WebAssembly,
 * operation by operation; or the TensorFlow.js backend that the application has set.
 */
export type EngineName = "onnx-gpu" | "onnx" | "wasm" | "current";

/** The order of automatic choice, fastest first. */
const automaticEngines = ["onnx-gpu", "onnx", "wasm"] as const;

/** The files of @tensorflow/tfjs-backend-wasm, of which the browser loads the one that suits it. */
export type WasmFile = "tfjs-backend-wasm.wasm" | "tfjs-backend-wasm-simd.wasm";

/** A third file, never loaded, whose address the backend wants to know all the same. */
const threadedFile = "tfjs-backend-wasm-threaded-simd.wasm";

/** Settings of the engines. */
export interface EngineOptions extends OnnxEngineOptions {
  /**
   * Where the `.wasm` files of @tensorflow/tfjs-backend-wasm are, which are fetched only where ONNX Runtime does
   * not run: the address of their folder, ending in "/", or of each file. By default they are looked for beside
   * the script, which a bundler does not put there by itself.
   */
  readonly wasmPaths?: string | Readonly<Record<WasmFile, string>>;
  /** Engines that the automatic choice passes over, and why, by name. */
  readonly refused?: Readonly<Partial<Record<EngineName, string>>>;
}

/** The engine that runs. */
export interface StartedEngine {
  readonly name: EngineName;
  /** Version and kind. */
  readonly detail: string;
  /** Why this one: asked for, or what the faster ones lack. */
  readonly reason: string;
  /** Threads that share the work. */
  readonly threads: number;
  /** There if a far faster engine should run everywhere and did not start: what happened, and what to do. */
  readonly slowdown?: string;
  /** What weights are kept as, where it is not f32. */
  readonly dtype?: Exclude<WeightsDtype, "f32">;
  /** Makes traced graphs runnable; the other engines run operations as they come. */
  readonly compiler?: WebCompiler;
}

type Loaded = Omit<StartedEngine, "name" | "reason" | "slowdown" | "dtype">;

/** The engines that keep weights with fewer bits. */
const narrowEngines: Readonly<Record<Exclude<WeightsDtype, "f32">, readonly EngineName[]>> = {
  f16: ["onnx-gpu", "onnx"],
  q8: ["onnx"],
};

/** Why an engine cannot keep weights as `dtype`; undefined if it can. */
function lackOf(name: EngineName, { dtype = "f32" }: EngineOptions): string | undefined {
  if (dtype === "f32") return undefined;
  if (!Object.hasOwn(narrowEngines, dtype)) {
    throw new ClipError("bad-argument", `There is no dtype "${dtype as string}": expected f32, f16 or q8.`);
  }
  return narrowEngines[dtype].includes(name) ? undefined : `keeps no weights as ${dtype}`;
}

/** What an engine keeps weights as, if that is not f32. */
const keptAs = ({ dtype = "f32" }: EngineOptions): Pick<StartedEngine, "dtype"> => (dtype === "f32" ? {} : { dtype });

const describeThreads = (threads: number): string => (threads === 1 ? "1 thread" : `${threads} threads`);

/**
 * Starts TensorFlow.js on WebAssembly with clip-ts's faster kernels. It uses one thread.
 * @throws ClipError "engine-unavailable" that says what to do.
 */
async function loadWasm({ wasmPaths }: EngineOptions): Promise<Loaded> {
  const { setWasmPaths } = await import("@tensorflow/tfjs-backend-wasm");
  if (getBackend() !== "wasm") {
    repairWasmBackend();
    // Its threads start from the text of a function, which bundlers change so that it fails.
    env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
    if (typeof wasmPaths === "string") setWasmPaths(wasmPaths);
    else if (wasmPaths !== undefined) setWasmPaths({ ...wasmPaths, [threadedFile]: "" });
    if (!(await setBackend("wasm"))) {
      throw new ClipError(
        "engine-unavailable",
        "The WebAssembly engine did not start. Serve the .wasm files of @tensorflow/tfjs-backend-wasm " +
          "and give their addresses as wasmPaths.",
      );
    }
    await ready();
  }
  const hasVectors = Boolean(await env().getAsync("WASM_HAS_SIMD_SUPPORT"));
  const vectors = hasVectors ? "" : " without vector instructions, several times slower";
  return { detail: `TensorFlow.js on WebAssembly${vectors}, 1 thread`, threads: 1 };
}

async function load(name: EngineName, options: EngineOptions, needsHardware: boolean): Promise<Loaded> {
  switch (name) {
    case "onnx-gpu":
      return loadOnnxOnGpu(options, needsHardware);
    case "onnx": {
      const loaded = await loadOnnx(options);
      const threads = describeThreads(loaded.threads);
      return { ...loaded, detail: `${loaded.detail}, WebAssembly, ${threads}` };
    }
    case "wasm":
      return loadWasm(options);
    case "current":
      return { detail: `TensorFlow.js on its backend ${getBackend() ?? "to come"}`, threads: 1 };
  }
}

/** What keeps a page to one thread, if that is why it has one. */
function oneThreadOnly({ threads }: Loaded, name: EngineName): string {
  if (name !== "onnx" || threads > 1 || isIsolated()) return "";
  return "; one thread, as the page is not cross-origin isolated";
}

async function startFastest(options: EngineOptions): Promise<StartedEngine> {
  const missing: string[] = [];
  for (const name of automaticEngines) {
    const refusal = options.refused?.[name] ?? lackOf(name, options);
    if (refusal !== undefined) {
      missing.push(`${name}: ${refusal}.`);
      continue;
    }
    try {
      const loaded = await load(name, options, true);
      const choice = missing.length === 0 ? "the fastest there is" : missing.join("; ");
      const reason = `${choice}${oneThreadOnly(loaded, name)}`;
      if (name !== "wasm") return { name, ...loaded, ...keptAs(options), reason };
      return { name, ...loaded, reason, slowdown: missing.at(-1) as string };
    } catch (error) {
      missing.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new ClipError("engine-unavailable", `No engine could be started: ${missing.join("; ")}`);
}

/**
 * Starts an engine for the page or worker: the one named, or with "auto" the fastest that can run here. On a GPU
 * only where WebGPU has a real one, unless it is named.
 * @throws ClipError "engine-unavailable" if the one named cannot run, with the way to change that.
 */
export async function startEngine(
  name: EngineName | "auto" = "auto",
  options: EngineOptions = {},
): Promise<StartedEngine> {
  if (name === "auto") return startFastest(options);
  const known: readonly string[] = [...automaticEngines, "current"];
  if (!known.includes(name)) {
    throw new ClipError("bad-argument", `There is no engine "${name as string}". Engines: auto, ${known.join(", ")}.`);
  }
  const lack = lackOf(name, options);
  if (lack !== undefined) {
    throw new ClipError("bad-argument", `The engine "${name}" ${lack}: use the engine onnx, or leave out the dtype.`);
  }
  const loaded = await load(name, options, false);
  return { name, ...loaded, ...keptAs(options), reason: `asked for${oneThreadOnly(loaded, name)}` };
}
