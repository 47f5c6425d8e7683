import { availableParallelism } from "node:os";
import { createRequire } from "node:module";
import { flatLoader, optimize, type LoadOptions, type Target } from "@clip-ts/jit";
import { compileOnnx, type OnnxOptions, type OnnxRuntime } from "@clip-ts/onnx";
import { describeThreads, type Compiler, type EngineOptions, type EngineStatus } from "./engine.ts";
import { findGpuProvider } from "./onnx-gpu.ts";
import { collectingGarbage } from "./memory.ts";
import { openNativeOnnx } from "./onnx-native/index.ts";

const require = createRequire(import.meta.url);
const reference = "onnxruntime-node";

/**
 * The line that installs ONNX Runtime where its installer cannot download CUDA's part: npm leaves the
 * package out there. Only Linux has that part, and only shells of its kind take settings before a command.
 */
function installLine(): string {
  const { optionalDependencies } = require("../../package.json") as {
    optionalDependencies: Readonly<Record<string, string>>;
  };
  const setting = process.platform === "win32" ? "" : "ONNXRUNTIME_NODE_INSTALL=skip ";
  return `${setting}npm install ${reference}@${optionalDependencies[reference]}`;
}

/** Whether ONNX Runtime is installed with its native part, which its npm package carries. */
export function inspectOnnx(name: "onnx" | "onnx-gpu"): EngineStatus {
  try {
    const { version } = require(`${reference}/package.json`) as { version: string };
    require.resolve(reference);
    const device = name === "onnx" ? `CPU, ${describeThreads(availableParallelism())}` : "GPU";
    const detail = `traced and compiled by ONNX Runtime ${version}, ${device}`;
    return { name, available: true, detail };
  } catch {
    const detail = `${reference} is not installed`;
    return { name, available: false, detail, fix: installLine() };
  }
}

/** Shapes of batches that stay compiled where all graphs share memory: every length of a caption. */
const keptShapes = 16;

function compilerOf(target: Target, limits: Pick<LoadOptions, "maxCompiled"> = {}): Compiler {
  const optimized: Target = (graph, use) => target(optimize(graph), use);
  const load = collectingGarbage(flatLoader(optimized));
  return {
    target: optimized,
    load: (functions, state, { maxCompiled = limits.maxCompiled, onCompile } = {}) =>
      load(functions, state, { maxCompiled, onCompile }),
  };
}

function bindingTarget(options: Omit<OnnxOptions, "runtime">): Target {
  const runtime = require(reference) as OnnxRuntime;
  return (graph) => compileOnnx(graph, { runtime, ...options });
}

/** What ONNX Runtime is, and what it compiles. */
interface LoadedOnnx {
  readonly detail: string;
  readonly compiler: Compiler;
}

/**
 * Loads ONNX Runtime on the CPU: called directly where that works, else through its JavaScript binding,
 * which copies every result and keeps JavaScript waiting.
 */
export function loadOnnx({ threads = availableParallelism() }: EngineOptions = {}): LoadedOnnx {
  const { version } = require(`${reference}/package.json`) as { version: string };
  const detail = `traced and compiled by ONNX Runtime ${version}, CPU, ${describeThreads(threads)}`;
  const native = openNativeOnnx(threads);
  if ("target" in native)
    return { detail, compiler: compilerOf(native.target, { maxCompiled: keptShapes }) };
  return {
    detail: `${detail}, through its slower JavaScript binding: ${native.refusal}`,
    compiler: compilerOf(bindingTarget({ threads })),
  };
}

/** Loads ONNX Runtime on a GPU. @throws ClipError "engine-unavailable" if it reaches none. */
export async function loadOnnxOnGpu({
  threads = availableParallelism(),
}: EngineOptions = {}): Promise<LoadedOnnx> {
  const targetWith = (options: Pick<OnnxOptions, "providers">): Target =>
    compilerOf(bindingTarget({ threads, ...options })).target;
  const { title, providers } = await findGpuProvider(targetWith);
  const { version } = require(`${reference}/package.json`) as { version: string };
  const detail = `traced and compiled by ONNX Runtime ${version}, GPU through ${title}`;
  return { detail, compiler: compilerOf(bindingTarget({ threads, providers })) };
}
