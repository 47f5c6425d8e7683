import { availableParallelism } from "node:os";
import { createRequire } from "node:module";
import {
  compileOnnx,
  compileTraining,
  optimize,
  type OnnxOptions,
  type OnnxRuntime,
  type Target,
} from "@clip-ts/jit";
import type { Compiler, EngineStatus } from "./engine.ts";
import { findGpuProvider } from "./onnx-gpu.ts";

const require = createRequire(import.meta.url);
const reference = "onnxruntime-node";

/** Whether ONNX Runtime is installed with its native part, which its npm package carries. */
export function inspectOnnx(name: "onnx" | "onnx-gpu"): EngineStatus {
  try {
    const { version } = require(`${reference}/package.json`) as { version: string };
    require.resolve(reference);
    const device = name === "onnx" ? `CPU, ${availableParallelism()} threads` : "GPU";
    const detail = `traced and compiled by ONNX Runtime ${version}, ${device}`;
    return { name, available: true, detail };
  } catch {
    const detail = `${reference} is not installed`;
    return { name, available: false, detail, fix: `npm install ${reference}@1.30.0` };
  }
}

function compilerWith(options: Pick<OnnxOptions, "providers">): Compiler {
  const runtime = require(reference) as OnnxRuntime;
  const threads = availableParallelism();
  const target: Target = (graph) => compileOnnx(optimize(graph), { runtime, threads, ...options });
  return { target, compileTraining: (spec) => compileTraining(spec, target) };
}

/** Loads ONNX Runtime on the CPU. */
export function loadOnnx(): Compiler {
  return compilerWith({});
}

/** Loads ONNX Runtime on a GPU. @throws ClipError "engine-unavailable" if it reaches none. */
export async function loadOnnxOnGpu(): Promise<{ detail: string; compiler: Compiler }> {
  const { title, providers } = await findGpuProvider((options) => compilerWith(options).target);
  const { version } = require(`${reference}/package.json`) as { version: string };
  const detail = `traced and compiled by ONNX Runtime ${version}, GPU through ${title}`;
  return { detail, compiler: compilerWith({ providers }) };
}
