import { availableParallelism } from "node:os";
import { createRequire } from "node:module";
import {
  compileOnnx,
  compileTraining,
  optimize,
  type OnnxRuntime,
  type Target,
} from "@clip-ts/jit";
import type { Compiler, EngineStatus } from "./engine.ts";

const require = createRequire(import.meta.url);
const reference = "onnxruntime-node";

/** Whether ONNX Runtime is installed with its native part, which its npm package carries. */
export function inspectOnnx(): EngineStatus {
  const name = "onnx";
  try {
    const { version } = require(`${reference}/package.json`) as { version: string };
    require.resolve(reference);
    const detail = `traced and compiled by ONNX Runtime ${version}, CPU, ${availableParallelism()} threads`;
    return { name, available: true, detail };
  } catch {
    const detail = `${reference} is not installed`;
    return { name, available: false, detail, fix: `npm install ${reference}@1.30.0` };
  }
}

/** Loads ONNX Runtime. */
export function loadOnnx(): Compiler {
  const runtime = require(reference) as OnnxRuntime;
  const threads = availableParallelism();
  const target: Target = (graph) => compileOnnx(optimize(graph), { runtime, threads });
  return { target, compileTraining: (spec) => compileTraining(spec, target) };
}
